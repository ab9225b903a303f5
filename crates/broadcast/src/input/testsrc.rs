//! The built-in test source: pictures and sound from which latency and the skew of sound against
//! pictures can be *seen*.
//!
//! Moving pattern with the stream time and frame number in the corner; in the middle the wall clock
//! (UTC) at which the frame was made, so that the difference to a clock beside the player is the
//! latency from picture to eye; in the lower left corner a white square that flashes at each full
//! second of stream time, together with a beep over the tone.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::argument::{Argument, plain};
use crate::{
    document::Fault,
    units::{Rate, Size},
};

/// Options of the test source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestSource {
    /// Picture size.
    pub size: Size,
    /// Frames a second.
    pub rate: Rate,
    /// Whether there is sound.
    pub sound: bool,
    /// Pitch of the tone in Hz; the beep of each second is an octave above.
    pub tone: u32,
    /// Whether the wall clock is drawn, where ffmpeg and a font allow it.
    pub clock: bool,
}

impl Default for TestSource {
    fn default() -> Self {
        Self {
            size: Size::new(1280, 720),
            rate: Rate::whole(30),
            sound: true,
            tone: 440,
            clock: true,
        }
    }
}

/// What there is to draw text with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facilities {
    /// A font file; `None` when there is none or ffmpeg cannot draw text.
    pub font: Option<PathBuf>,
}

/// Where fonts with digits of equal width are, best first, below the root.
const FONTS: [&str; 8] = [
    "usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "usr/share/fonts/dejavu/DejaVuSansMono.ttf",
    "usr/share/fonts/TTF/DejaVuSansMono.ttf",
    "usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf",
    "usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
    "usr/share/fonts/liberation-mono/LiberationMono-Regular.ttf",
    "usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf",
    "System/Library/Fonts/Menlo.ttc",
];

impl Facilities {
    /// Looks for a font below `root`, which is `/` except in tests, if ffmpeg can draw text.
    pub fn detect(abilities: &process::ffmpeg::Abilities, root: &Path) -> Self {
        let font = abilities
            .filters
            .contains("drawtext")
            .then(|| FONTS.iter().map(|font| root.join(font)))
            .and_then(|mut fonts| fonts.find(|font| font.is_file()));
        Self { font }
    }
}

impl TestSource {
    pub(super) fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !(16..=4096).contains(&self.size.width) || !(16..=4096).contains(&self.size.height) {
            faults.push(Fault::new(
                "/size",
                format!("{} is not between 16x16 and 4096x4096", self.size),
            ));
        }
        if !(20..=10_000).contains(&self.tone) {
            faults.push(Fault::new("/tone", "a tone is from 20 to 10000 Hz"));
        }
        faults
    }

    pub(super) fn arguments(&self, facilities: &Facilities) -> Vec<Argument> {
        // -re paces by the wall clock; both streams are of one input, so they keep together.
        plain(["-re", "-f", "lavfi", "-i", &self.graph(facilities)])
    }

    fn graph(&self, facilities: &Facilities) -> String {
        // Decimals of t can fall just below the full second.
        let flash = "enable='lt(mod(t+0.001,1),0.1)'";
        let mut graph = format!(
            "testsrc2=size={}:rate={},drawbox=x=0:y=ih-ih/6:w=ih/6:h=ih/6:color=white:t=fill:{flash}",
            self.size, self.rate
        );
        if let Some(font) = facilities.font.as_ref().filter(|_| self.clock) {
            graph.push_str(&format!(
                ",drawtext=fontfile={}:fontsize=h/10:fontcolor=white:box=1:boxcolor=black:\
                 x=(w-tw)/2:y=h*0.72:text='%{{gmtime\\:%H\\\\\\:%M\\\\\\:%S.%3N}} %{{frame_num}}'",
                escaped(&font.to_string_lossy())
            ));
        }
        graph.push_str("[out0]");
        if self.sound {
            graph.push_str(&format!(
                ";sine=frequency={}:beep_factor=2:sample_rate=48000:samples_per_frame=1024,\
                 aformat=channel_layouts=stereo[out1]",
                self.tone
            ));
        }
        graph
    }
}

/// Escapes a value for a filter graph: once for the filter's options, once for the graph.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ':' | '\\' | '\'' => out.push_str(r"\\"),
            '[' | ']' | ',' | ';' => out.push('\\'),
            _ => {}
        }
        if matches!(c, '\\' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
