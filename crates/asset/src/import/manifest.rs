//! The manifest of an import: one file per track, addressed by its index (ISO/IEC 23009-1,
//! 5.3.9.2, on-demand profile). Any DASH player takes it as it is.

use std::fmt::Write as _;

use media::{presentation::Content, time::Time};

use super::pack::Packed;

/// Writes the manifest. Tracks of sound are alternatives, so each is a set of its own.
pub(super) fn write(tracks: &[Packed]) -> String {
    let pictures = tracks.iter().find(|track| track.source.is_video());
    let duration = match pictures {
        Some(video) => video.duration,
        None => tracks
            .iter()
            .map(|track| track.duration)
            .max()
            .unwrap_or(Time::ZERO),
    };
    let mut out = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT{duration}S" minBufferTime="PT2S">
  <Period id="P0" start="PT0S">
"#
    );
    for (i, track) in tracks.iter().enumerate() {
        set(&mut out, i + 1, track);
    }
    out.push_str("  </Period>\n</MPD>\n");
    out
}

fn set(out: &mut String, id: usize, track: &Packed) {
    let stream = &track.source.stream;
    let content = match track.init.content {
        Content::Video => "video",
        _ => "audio",
    };
    let language = stream
        .language
        .as_ref()
        .filter(|_| content == "audio")
        .map_or_else(String::new, |lang| format!(r#" lang="{}""#, escape(lang)));
    let _ = writeln!(
        out,
        r#"    <AdaptationSet id="{id}" contentType="{content}" mimeType="{content}/mp4"{language} subsegmentAlignment="true" subsegmentStartsWithSAP="1">"#
    );
    if let Some(title) = &stream.title {
        let _ = writeln!(out, "      <Label>{}</Label>", escape(title));
    }
    let _ = writeln!(
        out,
        r#"      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{}"/>"#,
        role(track)
    );
    representation(out, track);
    out.push_str("    </AdaptationSet>\n");
}

fn role(track: &Packed) -> &'static str {
    match track.source.id.as_str() {
        _ if track.source.stream.is_comment => "commentary",
        "v1" | "a1" => "main",
        _ => "alternate",
    }
}

fn representation(out: &mut String, track: &Packed) {
    let init = &track.init;
    let _ = write!(
        out,
        r#"      <Representation id="{}" codecs="{}" bandwidth="{}""#,
        track.source.id,
        escape(&init.codec),
        track.bandwidth
    );
    if let Some((width, height)) = init.size {
        let _ = write!(out, r#" width="{width}" height="{height}""#);
    }
    if let Some((x, y)) = init.sar {
        let _ = write!(out, r#" sar="{x}:{y}""#);
    }
    if let Some(rate) = track.source.rate {
        let _ = write!(out, r#" frameRate="{rate}""#);
    }
    if let Some(rate) = init.sampling_rate {
        let _ = write!(out, r#" audioSamplingRate="{rate}""#);
    }
    out.push_str(">\n");
    if let Some(channels) = init.channels {
        let _ = writeln!(
            out,
            r#"        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="{channels}"/>"#
        );
    }
    let _ = writeln!(out, "        <BaseURL>{}</BaseURL>", track.source.name());
    let index = match track.index_len {
        0 => String::new(),
        len => format!(
            r#" indexRange="{}-{}""#,
            track.init_len,
            track.init_len + len - 1
        ),
    };
    let _ = writeln!(
        out,
        r#"        <SegmentBase timescale="{}"{index}>
          <Initialization range="0-{}"/>
        </SegmentBase>
      </Representation>"#,
        init.timescale,
        track.init_len.saturating_sub(1)
    );
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML 1.0 in any form.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            escape("<a & \"b\">\u{1}\n"),
            "&lt;a &amp; &quot;b&quot;&gt;\n"
        );
    }
}
