//! The first decoded frames of a video stream: what only the pictures themselves tell.

use std::{ffi::OsStr, time::Duration};

use serde::Deserialize;

use super::Rational;
use crate::{Error, Ffmpeg};

/// Time limit of decoding a few frames.
const LIMIT: Duration = Duration::from_mins(1);

/// A decoded frame, in presentation order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Presentation time in ticks of the stream's time base.
    pub pts: Option<i64>,
    /// Whether it holds two fields of different times.
    pub interlaced: bool,
    /// Whether it is the upper field that comes first.
    pub top_first: bool,
    /// Mastering display, as HDR10 has it.
    pub mastering: Option<Mastering>,
    /// Content light level, as HDR10 has it.
    pub light: Option<Light>,
}

/// Colour volume of the mastering display (SMPTE ST 2086) in the units of the codecs' messages:
/// 0.00002 for coordinates, 0.0001 cd/m² for luminance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mastering {
    /// Green primary.
    pub green: (i64, i64),
    /// Blue primary.
    pub blue: (i64, i64),
    /// Red primary.
    pub red: (i64, i64),
    /// White point.
    pub white: (i64, i64),
    /// Greatest and least luminance.
    pub luminance: (i64, i64),
}

/// Content light level (CTA-861.3) in cd/m².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Light {
    /// Greatest of any pixel.
    pub content: u32,
    /// Greatest mean of a frame.
    pub average: u32,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    frames: Vec<RawFrame>,
}

#[derive(Deserialize)]
struct RawFrame {
    pts: Option<i64>,
    best_effort_timestamp: Option<i64>,
    #[serde(default)]
    interlaced_frame: i64,
    #[serde(default)]
    top_field_first: i64,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SideData {
    red_x: Option<String>,
    red_y: Option<String>,
    green_x: Option<String>,
    green_y: Option<String>,
    blue_x: Option<String>,
    blue_y: Option<String>,
    white_point_x: Option<String>,
    white_point_y: Option<String>,
    max_luminance: Option<String>,
    min_luminance: Option<String>,
    max_content: Option<u32>,
    max_average: Option<u32>,
}

/// Decodes about the first `packets` packets of a stream and returns the frames that come out.
pub fn frames(
    ffmpeg: &Ffmpeg,
    input: &OsStr,
    stream: u32,
    packets: u32,
) -> Result<Vec<Frame>, Error> {
    let command = ffmpeg
        .probe_command()
        .args(["-of", "json", "-show_frames"])
        .args(["-select_streams", &stream.to_string()])
        .args(["-read_intervals", &format!("%+#{packets}")])
        .arg("-i")
        .arg(input)
        .timeout(LIMIT);
    let output = ffmpeg.spawner().run(command)?;
    let document: Document = serde_json::from_slice(&output).map_err(|error| Error::Output {
        program: "ffprobe".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(document.frames.iter().map(frame).collect())
}

fn frame(raw: &RawFrame) -> Frame {
    let side = &raw.side_data_list;
    Frame {
        pts: raw.pts.or(raw.best_effort_timestamp),
        interlaced: raw.interlaced_frame != 0,
        top_first: raw.top_field_first != 0,
        mastering: side.iter().find_map(mastering),
        light: side.iter().find_map(|data| {
            Some(Light {
                content: data.max_content?,
                average: data.max_average?,
            })
        }),
    }
}

fn mastering(data: &SideData) -> Option<Mastering> {
    let in_units = |text: &Option<String>, units: i64| {
        Some(Rational::parse_fraction(text.as_deref()?)?.times(units))
    };
    let point = |x, y| Some((in_units(x, 50_000)?, in_units(y, 50_000)?));
    Some(Mastering {
        green: point(&data.green_x, &data.green_y)?,
        blue: point(&data.blue_x, &data.blue_y)?,
        red: point(&data.red_x, &data.red_y)?,
        white: point(&data.white_point_x, &data.white_point_y)?,
        luminance: (
            in_units(&data.max_luminance, 10_000)?,
            in_units(&data.min_luminance, 10_000)?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hdr_messages_are_read() {
        let json = r#"{"frames": [
            {"media_type": "video", "pts": 3003, "best_effort_timestamp": 3003,
             "interlaced_frame": 1, "top_field_first": 1, "side_data_list": [
              {"side_data_type": "Mastering display metadata",
               "red_x": "34000/50000", "red_y": "16000/50000", "green_x": "13250/50000",
               "green_y": "34500/50000", "blue_x": "7500/50000", "blue_y": "3000/50000",
               "white_point_x": "15635/50000", "white_point_y": "16450/50000",
               "min_luminance": "1/10000", "max_luminance": "10000000/10000"},
              {"side_data_type": "Content light level metadata", "max_content": 1000,
               "max_average": 400}]},
            {"best_effort_timestamp": 6006}]}"#;
        let document: Document = serde_json::from_str(json).unwrap();
        let [first, second] = document.frames.as_slice() else {
            panic!("two frames");
        };
        let first = frame(first);
        assert_eq!(first.pts, Some(3003));
        assert!(first.interlaced && first.top_first);
        let mastering = first.mastering.unwrap();
        assert_eq!(mastering.red, (34_000, 16_000));
        assert_eq!(mastering.luminance, (10_000_000, 1));
        let light = first.light.unwrap();
        assert_eq!((light.content, light.average), (1000, 400));
        assert_eq!(frame(second).pts, Some(6006));
    }
}
