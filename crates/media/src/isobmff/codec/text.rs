//! Subtitles: `wvtt`, and `stpp` with the processor profiles of the W3C TTML profile registry
//! (`stpp.ttml.im1t`), ISO/IEC 14496-30.

use super::{BoxError, FourCc, Inner, Reader};

/// Length of the fields of a plain SampleEntry.
const SAMPLE_ENTRY: usize = 8;

/// Returns the length of the fields before the boxes of a text sample entry.
pub(super) fn fields_len(format: FourCc, body: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(body);
    reader.skip(SAMPLE_ENTRY);
    match &format.0 {
        // namespace, schema_location, auxiliary_mime_types
        b"stpp" => {
            for _ in 0..3 {
                reader.text();
            }
        }
        // content_encoding, mime_format
        b"sbtt" | b"stxt" => {
            reader.text();
            reader.text();
        }
        b"wvtt" | b"encs" | b"enct" => {}
        // The fields of others are not known, nor are their boxes wanted.
        _ => return (body.len() >= SAMPLE_ENTRY).then_some(body.len()),
    }
    reader.ok()?;
    Some(reader.position())
}

/// Makes the codec string.
pub(super) fn codec(format: FourCc, body: &[u8], inner: &Inner<'_>) -> Result<String, BoxError> {
    if format.0 != *b"stpp" {
        return Ok(format.to_string());
    }
    let mut reader = Reader::new(body);
    reader.skip(SAMPLE_ENTRY);
    let namespace = reader.text();
    reader.text(); // schema_location
    let auxiliary = reader.text();
    if let Some(found) = inner.child(b"mime")? {
        let mut mime = Reader::new(found.body());
        mime.skip(4); // version, flags
        if let Some((_, profiles)) = mime.text().split_once("codecs=") {
            let profiles = profiles.split(';').next().unwrap_or_default();
            let profiles = profiles.trim().trim_matches('"');
            // Both the whole codec string and only the profiles are met.
            if profiles.starts_with("stpp") {
                return Ok(profiles.to_owned());
            }
            if !profiles.is_empty() {
                return Ok(format!("stpp.ttml.{profiles}"));
            }
        }
    }
    // Without a profile: pictures make it the image profile of IMSC 1, TTML without them its text
    // profile, which players of HLS want to see named.
    Ok(if auxiliary.contains("image/") {
        "stpp.ttml.im1i".to_owned()
    } else if namespace.contains("ttml") {
        "stpp.ttml.im1t".to_owned()
    } else {
        "stpp".to_owned()
    })
}
