//! Presets of `headend transcode`: all of them as a table, one as a file.

use transcode::{
    plan::VideoCodec,
    preset::{self, Preset, Rung},
};

use crate::{config, table, term, transcoding::presets};

pub(super) fn run(preset: Option<&str>, json: bool) -> anyhow::Result<()> {
    match (preset, json) {
        (Some(name), true) => term::print_json(&presets::find(name)?),
        (Some(name), false) => Ok(term::print(&config::to_yaml(&presets::find(name)?)?)?),
        (None, true) => term::print_json(&all()?),
        (None, false) => Ok(term::print(&table(&all()?))?),
    }
}

fn all() -> Result<Vec<Preset>, preset::Error> {
    preset::names().map(preset::named).collect()
}

fn table(all: &[Preset]) -> String {
    let rows: Vec<[String; 6]> = all
        .iter()
        .flat_map(|preset| {
            // The name stands once.
            let names = std::iter::once(preset.name.as_str()).chain(std::iter::repeat(""));
            let rungs = preset
                .rungs
                .iter()
                .zip(names)
                .map(|(rung, name)| row(name, rung));
            let none = preset.rungs.is_empty().then(|| sound(preset));
            none.into_iter().chain(rungs).collect::<Vec<_>>()
        })
        .collect();
    table::render(
        ["preset", "rung", "size", "codec", "greatest kb/s", "speed"],
        [false, false, true, false, true, false],
        &rows,
    )
}

fn row(name: &str, rung: &Rung) -> [String; 6] {
    let codec = match rung.codec {
        VideoCodec::H264 => "h264",
        VideoCodec::H265 => "h265",
        VideoCodec::Av1 => "av1",
    };
    [
        name.to_owned(),
        rung.name.clone(),
        format!("{}x{}", rung.width, rung.height),
        codec.to_owned(),
        (rung.maxrate_bps / 1000).to_string(),
        rung.speed.clone().unwrap_or_else(|| "medium".to_owned()),
    ]
}

fn sound(preset: &Preset) -> [String; 6] {
    let mut row: [String; 6] = Default::default();
    row[0].clone_from(&preset.name);
    "sound alone".clone_into(&mut row[1]);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_a_table() {
        insta::assert_snapshot!("presets", table(&all().unwrap()));
    }

    #[test]
    fn what_is_shown_can_be_read() {
        for preset in all().unwrap() {
            let text = config::to_yaml(&preset).unwrap();
            assert_eq!(config::from_yaml::<Preset>(&text).unwrap(), preset);
        }
    }
}
