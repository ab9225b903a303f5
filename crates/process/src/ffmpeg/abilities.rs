//! What an ffmpeg was built with, read from the lists that it prints.

use std::collections::BTreeSet;

/// Names of what an ffmpeg has. An encoder that is listed may still lack its hardware.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Abilities {
    /// Encoders, such as `libx264`.
    pub encoders: BTreeSet<String>,
    /// Decoders.
    pub decoders: BTreeSet<String>,
    /// Output formats, such as `mp4`.
    pub muxers: BTreeSet<String>,
    /// Input formats.
    pub demuxers: BTreeSet<String>,
    /// Filters.
    pub filters: BTreeSet<String>,
    /// Protocols of input or output, such as `srt`.
    pub protocols: BTreeSet<String>,
    /// Hardware acceleration methods.
    pub accelerators: BTreeSet<String>,
}

/// Reads `-encoders` or `-decoders`: a legend, a rule of dashes, then flags and name.
pub(super) fn codecs(text: &str) -> BTreeSet<String> {
    after_rule(text)
        .filter_map(|line| Some(line.split_whitespace().nth(1)?.to_owned()))
        .collect()
}

/// Reads `-muxers` or `-demuxers`: as codecs, with several names joined by commas.
pub(super) fn formats(text: &str) -> BTreeSet<String> {
    after_rule(text)
        .filter_map(|line| line.split_whitespace().nth(1))
        .flat_map(|names| names.split(','))
        .map(str::to_owned)
        .collect()
}

/// Reads `-filters`: flags, name, and an arrow between kinds of pads; no rule before ffmpeg 8.
pub(super) fn filters(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.nth(1)?;
            words.next()?.contains("->").then(|| name.to_owned())
        })
        .collect()
}

/// Reads `-protocols`: one name a line below `Input:` and `Output:`.
pub(super) fn protocols(text: &str) -> BTreeSet<String> {
    single_words(text)
}

/// Reads `-hwaccels`: a heading, then one name a line.
pub(super) fn accelerators(text: &str) -> BTreeSet<String> {
    single_words(text)
}

fn after_rule(text: &str) -> impl Iterator<Item = &str> {
    text.lines().skip_while(|line| !is_rule(line)).skip(1)
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 2 && line.bytes().all(|b| b == b'-')
}

fn single_words(text: &str) -> BTreeSet<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains([' ', ':']))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lists_are_read() {
        let text = "Encoders:\n V..... = Video\n .F.... = Frame-level multithreading\n ------\n \
                    V....D a64multi             Multicolor charset (codec a64_multi)\n \
                    A....D aac                  AAC (Advanced Audio Coding)\n";
        assert_eq!(codecs(text), set(&["a64multi", "aac"]));
        let text = "File formats:\n D. = Demuxing supported\n --\n  E 3g2             3GP2\n \
                    D  mov,mp4,m4a     QuickTime / MOV\n";
        assert_eq!(formats(text), set(&["3g2", "mov", "mp4", "m4a"]));
        let text = "Filters:\n  T.. = Timeline support\n  | = Source or sink filter\n \
                    TSC bwdif             V->V       Deinterlace\n ... amix              N->A       Mix\n";
        assert_eq!(filters(text), set(&["bwdif", "amix"]));
        let text = "Supported file protocols:\nInput:\n  async\n  file\nOutput:\n  file\n  srt\n";
        assert_eq!(protocols(text), set(&["async", "file", "srt"]));
        let text = "Hardware acceleration methods:\nvdpau\ncuda\n\n";
        assert_eq!(accelerators(text), set(&["vdpau", "cuda"]));
        assert_eq!(codecs(""), set(&[]));
    }
}
