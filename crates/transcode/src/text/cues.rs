//! Cues of WebVTT as ffmpeg writes it (W3C WebVTT, 4).

/// A text and when it is shown, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) start: i64,
    pub(super) end: i64,
    /// What stands behind the times: position and alignment.
    pub(super) settings: String,
    /// The lines, with tags such as `<i>`, without empty ones.
    pub(super) text: String,
}

/// Reads all cues. Blocks that are none (`NOTE`, `STYLE`, …) and cues that never show are left out.
pub(super) fn parse(text: &str) -> Vec<Cue> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut cues: Vec<Cue> = text.split("\n\n").filter_map(block).collect();
    cues.sort_by_key(|cue| (cue.start, cue.end));
    cues
}

fn block(text: &str) -> Option<Cue> {
    let mut lines = text.lines().skip_while(|line| !line.contains("-->"));
    let (start, rest) = lines.next()?.split_once("-->")?;
    let rest = rest.trim();
    let (end, settings) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let lines: Vec<&str> = lines
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let cue = Cue {
        start: time(start.trim())?,
        end: time(end)?,
        settings: settings.trim().to_owned(),
        text: lines.join("\n"),
    };
    (cue.end > cue.start && !cue.text.is_empty()).then_some(cue)
}

/// Reads `hh:mm:ss.mmm`, of which the hours may be missing.
fn time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.')?;
    let mut seconds = 0_i64;
    let mut fields = 0;
    for field in clock.split(':') {
        let value: u32 = field.parse().ok()?;
        seconds = seconds.checked_mul(60)?.checked_add(value.into())?;
        fields += 1;
    }
    let millis: u16 = (fraction.len() == 3)
        .then(|| fraction.parse().ok())
        .flatten()?;
    ((2..=3).contains(&fields)).then(|| seconds.checked_mul(1000)?.checked_add(millis.into()))?
}

/// Writes a time of WebVTT, which is one of TTML as well.
pub(super) fn clock(ms: i64) -> String {
    let ms = ms.max(0);
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!(
        "{:02}:{:02}:{seconds:02}.{ms:03}",
        minutes / 60,
        minutes % 60
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cues_are_read_and_all_else_is_passed_over() {
        let text = "WEBVTT\n\nNOTE a note\n\n7\r\n00:01.500 --> 00:02.000 align:left\r\n<i>One</i>\r\n\
                    two\n\n100:00:00.000 --> 100:00:01.000\nlate\n\n00:05.000 --> 00:04.000\nnever\n\n\
                    00:06.000 --> 00:07.000\n\n00:xx.000 --> 00:08.000\nbad\n";
        let cues = parse(text);
        assert_eq!(
            cues,
            [
                Cue {
                    start: 1500,
                    end: 2000,
                    settings: "align:left".to_owned(),
                    text: "<i>One</i>\ntwo".to_owned(),
                },
                Cue {
                    start: 360_000_000,
                    end: 360_001_000,
                    settings: String::new(),
                    text: "late".to_owned(),
                },
            ]
        );
        assert_eq!(clock(360_001_023), "100:00:01.023");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-0-9:.> \nWEBVTT<i>]{0,80}") {
            parse(&text);
        }

        #[test]
        fn times_read_back(ms in 0_i64..1_000_000_000) {
            prop_assert_eq!(time(&clock(ms)), Some(ms));
        }
    }
}
