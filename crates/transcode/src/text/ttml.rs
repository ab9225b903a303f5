//! A TTML document for the cues of a segment (W3C TTML2, IMSC1 text profile).

use media::xml::push_text;

use super::cues::{Cue, clock};

/// White on dark, centred in the lowest part of the picture.
const HEAD: &str = "<head><styling>\
<style xml:id=\"s\" tts:fontFamily=\"proportionalSansSerif\" tts:fontSize=\"100%\" \
tts:textAlign=\"center\" tts:color=\"white\" tts:backgroundColor=\"#000000b0\"/>\
</styling><layout>\
<region xml:id=\"r\" tts:origin=\"10% 10%\" tts:extent=\"80% 80%\" tts:displayAlign=\"after\"/>\
</layout></head>";

/// Writes a document. Times count from media time zero; what reaches out of the segment from `from`
/// to `to` (ms) is cut, since its neighbour has the rest.
pub(super) fn document(cues: &[Cue], language: Option<&str>, from: i64, to: i64) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <tt xmlns=\"http://www.w3.org/ns/ttml\" xmlns:tts=\"http://www.w3.org/ns/ttml#styling\" \
         xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\" ttp:timeBase=\"media\" xml:lang=\"",
    );
    media::xml::push_attribute_value(&mut out, language.unwrap_or_default());
    out.push_str("\">");
    out.push_str(HEAD);
    out.push_str("<body style=\"s\" region=\"r\"><div>");
    for cue in cues {
        let (begin, end) = (clock(cue.start.max(from)), clock(cue.end.min(to)));
        out.push_str(&format!("<p begin=\"{begin}\" end=\"{end}\">"));
        push_lines(&mut out, &cue.text);
        out.push_str("</p>");
    }
    out.push_str("</div></body></tt>\n");
    out
}

/// Writes the lines of a cue: italics, bold and underlined text stay, other tags are left out.
fn push_lines(out: &mut String, text: &str) {
    let mut open = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.find(['<', '\n']) {
        push_plain(out, &rest[..at]);
        rest = &rest[at..];
        if let Some(next) = rest.strip_prefix('\n') {
            out.push_str("<br/>");
            rest = next;
            continue;
        }
        let Some((tag, next)) = rest[1..].split_once('>') else {
            break;
        };
        rest = next;
        let style = match tag.split(['.', ' ', '\t']).next().unwrap_or_default() {
            "i" => "tts:fontStyle=\"italic\"",
            "b" => "tts:fontWeight=\"bold\"",
            "u" => "tts:textDecoration=\"underline\"",
            "/i" | "/b" | "/u" if open > 0 => {
                out.push_str("</span>");
                open -= 1;
                continue;
            }
            _ => continue,
        };
        out.push_str(&format!("<span {style}>"));
        open += 1;
    }
    if !rest.starts_with('<') {
        push_plain(out, rest);
    }
    for _ in 0..open {
        out.push_str("</span>");
    }
}

/// Writes text with the character references of WebVTT resolved.
fn push_plain(out: &mut String, text: &str) {
    let plain = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", "\u{a0}")
        .replace("&lrm;", "\u{200e}")
        .replace("&rlm;", "\u{200f}")
        .replace("&amp;", "&");
    let allowed = |c: &char| !c.is_control() || *c == '\t';
    push_text(out, &plain.chars().filter(allowed).collect::<String>());
}

#[cfg(test)]
mod tests {
    use media::xml;
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> String {
        let mut out = String::new();
        push_lines(&mut out, text);
        out
    }

    #[test]
    fn marks_stay_and_the_rest_is_text() {
        for (text, expected) in [
            ("one\ntwo", "one<br/>two"),
            ("a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;"),
            (
                "<i>it</i> is",
                "<span tts:fontStyle=\"italic\">it</span> is",
            ),
            ("<c.red>x</c><v Bob>y", "xy"),
            ("<b>open", "<span tts:fontWeight=\"bold\">open</span>"),
            ("</i>shut", "shut"),
            ("a <b", "a "),
        ] {
            assert_eq!(lines(text), expected, "{text}");
        }
    }

    #[test]
    fn cues_are_cut_to_the_segment() {
        let cue = Cue {
            start: 5500,
            end: 9000,
            settings: String::new(),
            text: "hi".to_owned(),
        };
        let text = document(&[cue], Some("en"), 6000, 8000);
        assert!(text.contains("xml:lang=\"en\""));
        assert!(text.contains("<p begin=\"00:00:06.000\" end=\"00:00:08.000\">hi</p>"));
    }

    proptest! {
        #[test]
        fn any_text_gives_xml(text in "\\PC{0,40}|[<>/ibu&;.\n a-z]{0,60}") {
            let cue = Cue { start: 0, end: 1, settings: String::new(), text };
            let document = document(&[cue], None, 0, 1);
            prop_assert!(xml::parse(&document).is_ok(), "{}", document);
        }
    }
}
