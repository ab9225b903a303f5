//! The tags of Low-Latency HLS, RFC 8216bis 4.4.3.7, 4.4.3.8, 4.4.4.9 and 4.4.5.

use super::{
    HintKind, HlsError, Part, PreloadHint, RenditionReport, ServerControl, Skip,
    attributes::Attributes,
};
use crate::time::Time;

/// Reads `EXT-X-PART-INF`.
pub(super) fn part_inf(tag: &Attributes<'_>) -> Result<Time, HlsError> {
    match tag.seconds("PART-TARGET")? {
        Some(target) if target > Time::ZERO => Ok(target),
        _ => Err(tag.fail("PART-TARGET above 0 is required")),
    }
}

/// Reads `EXT-X-SERVER-CONTROL`.
pub(super) fn server_control(tag: &Attributes<'_>) -> Result<ServerControl, HlsError> {
    Ok(ServerControl {
        block_reload: tag.yes("CAN-BLOCK-RELOAD"),
        part_hold_back: tag.seconds("PART-HOLD-BACK")?,
        hold_back: tag.seconds("HOLD-BACK")?,
        skip_until: tag.seconds("CAN-SKIP-UNTIL")?,
        skip_date_ranges: tag.yes("CAN-SKIP-DATERANGES"),
    })
}

/// Reads `EXT-X-PART` but for its byte range, which depends on the parts before it.
pub(super) fn part(tag: &Attributes<'_>) -> Result<Part, HlsError> {
    let Some(duration) = tag.seconds("DURATION")? else {
        return Err(tag.fail("DURATION is required"));
    };
    Ok(Part {
        uri: tag.required("URI")?,
        range: None,
        duration,
        independent: tag.yes("INDEPENDENT"),
        gap: tag.yes("GAP"),
        line: tag.line(),
    })
}

/// Reads `EXT-X-PRELOAD-HINT`.
pub(super) fn hint(tag: &Attributes<'_>) -> Result<PreloadHint, HlsError> {
    let kind = match tag.required("TYPE")?.as_str() {
        "PART" => HintKind::Part,
        "MAP" => HintKind::Map,
        other => return Err(tag.fail(format!("TYPE: `{other}` is not PART or MAP"))),
    };
    Ok(PreloadHint {
        kind,
        uri: tag.required("URI")?,
        start: tag.number("BYTERANGE-START")?.unwrap_or(0),
        length: tag.number("BYTERANGE-LENGTH")?,
        line: tag.line(),
    })
}

/// Reads `EXT-X-RENDITION-REPORT`.
pub(super) fn report(tag: &Attributes<'_>) -> Result<RenditionReport, HlsError> {
    Ok(RenditionReport {
        uri: tag.required("URI")?,
        last_msn: tag.number("LAST-MSN")?,
        last_part: tag.number("LAST-PART")?,
        line: tag.line(),
    })
}

/// Reads `EXT-X-SKIP`.
pub(super) fn skip(tag: &Attributes<'_>, before_sequence: bool) -> Result<Skip, HlsError> {
    let Some(segments) = tag.number("SKIPPED-SEGMENTS")? else {
        return Err(tag.fail("SKIPPED-SEGMENTS is required"));
    };
    let removed = tag.text("RECENTLY-REMOVED-DATERANGES");
    Ok(Skip {
        segments,
        removed_date_ranges: removed.map(|ids| ids.split('\t').map(str::to_owned).collect()),
        before_sequence,
        line: tag.line(),
    })
}
