//! The subtitle tracks.

use super::{
    Options, SourceFacts, Text,
    sound::{id, label, tag},
};

/// Codecs of ffmpeg whose subtitles are text.
const TEXTUAL: [&str; 14] = [
    "ass",
    "jacosub",
    "microdvd",
    "mov_text",
    "mpl2",
    "pjs",
    "sami",
    "srt",
    "ssa",
    "stl",
    "subrip",
    "subviewer",
    "text",
    "webvtt",
];

/// Plans the tracks, in order of the source; pictures of text are left out and told.
pub(super) fn tracks(
    source: &SourceFacts,
    options: &Options,
    notes: &mut Vec<String>,
) -> Vec<Text> {
    if !options.subtitles {
        return Vec::new();
    }
    let mut tracks = Vec::new();
    for facts in &source.texts {
        if TEXTUAL.binary_search(&facts.codec.as_str()).is_err() {
            notes.push(format!(
                "the subtitles of stream {} ({}) are not text and are left out",
                facts.stream,
                if facts.codec.is_empty() {
                    "unknown"
                } else {
                    &facts.codec
                }
            ));
            continue;
        }
        let language = tag(facts.language.as_deref());
        tracks.push(Text {
            id: id('t', tracks.len(), language.as_deref()),
            stream: facts.stream,
            language,
            label: label(facts.title.as_deref()),
            is_default: facts.is_default,
            is_forced: facts.is_forced,
            is_impaired: facts.is_impaired,
        });
    }
    tracks
}
