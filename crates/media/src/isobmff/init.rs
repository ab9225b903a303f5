//! Reading of init segments and of the `moov` of whole files (ISO/IEC 14496-12, clause 8), and the
//! init segment as live streams want it. Sample entries are read by [`super::codec`].

use super::{
    BoxError, FourCc, codec,
    reader::Reader,
    segment::TrackDefaults,
    splice::Splice,
    walk::{BoxView, boxes},
};
use crate::{
    presentation::{Content, FrameRate},
    time::{Round, Time, Timescale},
};

/// What an init segment (or the `moov` of a whole file) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitSegment {
    /// `mvhd.timescale`.
    pub movie_timescale: Timescale,
    /// Video, audio and text tracks, in order; others (hints, time codes) are left out.
    pub tracks: Vec<InitTrack>,
    /// Whether movie fragments follow (`mvex` is there).
    pub fragmented: bool,
}

/// A track of an init segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitTrack {
    /// `tkhd.track_ID`.
    pub track_id: u32,
    /// What it carries.
    pub content: Content,
    /// `mdhd.timescale`.
    pub timescale: Timescale,
    /// Codec string of RFC 6381.
    pub codec: String,
    /// Type of the sample entry, that of the clear one when it is protected.
    pub sample_entry: FourCc,
    /// `elng` (BCP 47), else `mdhd` (ISO 639-2/T); absent when undetermined.
    pub language: Option<String>,
    /// Coded width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Sample aspect ratio (`pasp`).
    pub sar: Option<(u32, u32)>,
    /// Colour description (`colr` of type `nclx`).
    pub colour: Option<Colour>,
    /// Audio sampling rate in Hz as decoded.
    pub sampling_rate: Option<u32>,
    /// Audio channels, low-frequency ones counted.
    pub channels: Option<u32>,
    /// Complexity index of Dolby Atmos in E-AC-3 (JOC), when signalled.
    pub joc_complexity: Option<u8>,
    /// Audio samples in an access unit at `sampling_rate`, when the codec fixes them.
    pub samples_per_frame: Option<u32>,
    /// Presentation time is decode time plus composition offset less this, in ticks of the track.
    /// From an edit list of one plain edit, or of an empty and a plain one; else 0.
    pub edit_media_time: i64,
    /// What samples have unless a fragment says otherwise.
    pub defaults: TrackDefaults,
    /// Common encryption, when the sample entry is protected.
    pub protection: Option<Protection>,
    /// Frame rate implied by the default sample duration of a video track.
    pub frame_rate_hint: Option<FrameRate>,
}

/// Colour description, code points of ISO/IEC 23091-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Colour primaries.
    pub primaries: u16,
    /// Transfer characteristics: 16 is PQ, 18 is HLG.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Whether samples use the full range.
    pub full_range: bool,
}

/// Protection of a sample entry: `schm` and `tenc`, ISO/IEC 23001-7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// `cenc`, `cbcs`, …
    pub scheme: FourCc,
    /// Default key id.
    pub default_kid: [u8; 16],
    /// Bytes of the initialization vector of each sample; 0 with a constant one.
    pub per_sample_iv_size: u8,
    /// Constant initialization vector; empty without one.
    pub constant_iv: Vec<u8>,
    /// Encrypted and clear 16-byte blocks of the pattern; `(0, 0)` without a pattern.
    pub pattern: (u8, u8),
}

/// Reads an init segment, or the `moov` box of a whole file. Errors: no `moov`, a box that cannot be
/// read or is missing, a timescale of 0.
pub fn read(data: &[u8]) -> Result<InitSegment, BoxError> {
    let moov = super::walk::find(data, &[b"moov"])?.ok_or_else(|| BoxError {
        path: "moov".to_owned(),
        offset: 0,
        reason: "there is none".into(),
    })?;
    let movie_timescale = header_timescale(&moov.required(b"mvhd")?)?;
    let mvex = moov.child(b"mvex")?;
    let mut tracks = Vec::new();
    for found in moov.children() {
        let found = found?;
        if found.kind.0 == *b"trak" {
            tracks.extend(track(&found, movie_timescale, mvex.as_ref())?);
        }
    }
    Ok(InitSegment {
        movie_timescale,
        tracks,
        fragmented: mvex.is_some(),
    })
}

/// Makes the init segment for live use: `mvhd`, `tkhd` and `mdhd` durations zero and `mehd` gone, so
/// that no player believes the stream to end; all else as it was.
pub fn live(init: &[u8]) -> Result<Vec<u8>, BoxError> {
    let mut splice = Splice::new(init);
    let mut durations = Vec::new();
    for moov in boxes(init) {
        let moov = moov?;
        if moov.kind.0 != *b"moov" {
            continue;
        }
        for found in moov.children() {
            let found = found?;
            match &found.kind.0 {
                b"mvhd" => durations.push(found),
                b"trak" => {
                    durations.push(found.required(b"tkhd")?);
                    durations.push(found.required(b"mdia")?.required(b"mdhd")?);
                }
                b"mvex" => {
                    if let Some(mehd) = found.child(b"mehd")? {
                        splice.replace(mehd.offset..mehd.end(), &[]);
                    }
                }
                _ => {}
            }
        }
    }
    let mut spliced = splice.apply()?;
    for found in &durations {
        let place = found.parse(|body| duration_place(found.kind, body))?;
        if let Some(duration) = spliced.body_mut(found).get_mut(place) {
            duration.fill(0);
        }
    }
    Ok(spliced.into_vec())
}

/// Reads the timescale of an `mvhd` or `mdhd`.
fn header_timescale(found: &BoxView<'_>) -> Result<Timescale, BoxError> {
    let ticks = found.parse(|body| {
        let mut reader = Reader::new(body);
        let wide = reader.u32() >> 24 == 1;
        reader.sized(wide); // creation_time
        reader.sized(wide); // modification_time
        let ticks = reader.u32();
        reader.ok().map(|()| ticks)
    })?;
    Timescale::new(ticks).ok_or_else(|| found.error("has timescale 0"))
}

/// Where the duration lies in the body of an `mvhd`, `mdhd` or `tkhd`.
fn duration_place(kind: FourCc, body: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut reader = Reader::new(body);
    let wide = reader.u32() >> 24 == 1;
    reader.sized(wide); // creation_time
    reader.sized(wide); // modification_time
    reader.u32(); // timescale, or track_ID
    if kind.0 == *b"tkhd" {
        reader.u32(); // reserved
    }
    let start = reader.position();
    reader.sized(wide);
    reader.ok().map(|()| start..reader.position())
}

/// Reads a `trak`; nothing when it is of a kind that is not presented.
fn track(
    trak: &BoxView<'_>,
    movie_timescale: Timescale,
    mvex: Option<&BoxView<'_>>,
) -> Result<Option<InitTrack>, BoxError> {
    let mdia = trak.required(b"mdia")?;
    let handler = mdia
        .required(b"hdlr")?
        .parse(|body| body.get(8..)?.first_chunk::<4>())?;
    let content = match handler {
        b"vide" => Content::Video,
        b"soun" => Content::Audio,
        b"pict" => Content::Image,
        b"text" | b"subt" | b"sbtl" | b"clcp" => Content::Text,
        _ => return Ok(None),
    };
    let track_id = trak.required(b"tkhd")?.parse(|body| {
        let mut reader = Reader::new(body);
        let wide = reader.u32() >> 24 == 1;
        reader.sized(wide); // creation_time
        reader.sized(wide); // modification_time
        let track_id = reader.u32();
        reader.ok().map(|()| track_id)
    })?;
    let mdhd = mdia.required(b"mdhd")?;
    let timescale = header_timescale(&mdhd)?;
    let stsd = mdia
        .required(b"minf")?
        .required(b"stbl")?
        .required(b"stsd")?;
    let stsd_version = stsd.body().first().copied().unwrap_or_default();
    let entry = stsd
        .children_after(8) // version, flags, entry_count
        .next()
        .ok_or_else(|| stsd.error("has no sample entry"))??;
    let entry = codec::read(&entry, content, stsd_version)?;
    let defaults = defaults(mvex, track_id)?;
    Ok(Some(InitTrack {
        track_id,
        content,
        timescale,
        codec: entry.codec,
        sample_entry: entry.format,
        language: language(&mdia, &mdhd)?,
        size: entry.size,
        sar: entry.sar,
        colour: entry.colour,
        sampling_rate: entry.sampling_rate,
        channels: entry.channels,
        joc_complexity: entry.joc_complexity,
        samples_per_frame: entry.samples_per_frame,
        edit_media_time: edit_media_time(trak, timescale, movie_timescale)?,
        defaults,
        protection: entry.protection,
        frame_rate_hint: (content == Content::Video && defaults.duration > 0)
            .then(|| reduced(timescale.get(), defaults.duration)),
    }))
}

/// Reads `mvex/trex` of a track, ISO/IEC 14496-12, 8.8.3.
fn defaults(mvex: Option<&BoxView<'_>>, track_id: u32) -> Result<TrackDefaults, BoxError> {
    let mut defaults = TrackDefaults {
        track_id,
        ..TrackDefaults::default()
    };
    for found in mvex.iter().flat_map(|mvex| mvex.children()) {
        let found = found?;
        if found.kind.0 == *b"trex" {
            found.parse(|body| {
                let mut reader = Reader::new(body);
                reader.u32(); // version, flags
                let id = reader.u32();
                reader.u32(); // default_sample_description_index
                let (duration, size, flags) = (reader.u32(), reader.u32(), reader.u32());
                reader.ok()?;
                if id == track_id {
                    defaults = TrackDefaults {
                        track_id,
                        duration,
                        size,
                        flags,
                    };
                }
                Some(())
            })?;
        }
    }
    Ok(defaults)
}

/// Reads the language from `elng`, else from `mdhd`, ISO/IEC 14496-12, 8.4.6 and 8.4.2.
fn language(mdia: &BoxView<'_>, mdhd: &BoxView<'_>) -> Result<Option<String>, BoxError> {
    if let Some(elng) = mdia.child(b"elng")? {
        let text = elng.parse(|body| {
            let mut reader = Reader::new(body);
            reader.u32(); // version, flags
            let text = reader.text();
            reader.ok().map(|()| text)
        })?;
        if !text.is_empty() {
            return Ok(Some(text.to_owned()));
        }
    }
    let packed = mdhd.parse(|body| {
        let mut reader = Reader::new(body);
        reader.skip(duration_place(mdhd.kind, body)?.end);
        let packed = reader.u16();
        reader.ok().map(|()| packed)
    })?;
    let letters = [packed >> 10, packed >> 5, packed].map(|five| (five & 0x1f) as u8);
    // QuickTime's numbers and padding do not make three letters.
    let letters: Option<String> = letters
        .into_iter()
        .map(|letter| {
            (1..=26)
                .contains(&letter)
                .then(|| char::from(letter + 0x60))
        })
        .collect();
    Ok(letters.filter(|code| code != "und"))
}

/// Reads an edit list of one plain edit, or of an empty and a plain one, ISO/IEC 14496-12, 8.6.6.
fn edit_media_time(
    trak: &BoxView<'_>,
    timescale: Timescale,
    movie_timescale: Timescale,
) -> Result<i64, BoxError> {
    let edts = trak.child(b"edts")?;
    let elst = match &edts {
        Some(edts) => edts.child(b"elst")?,
        None => None,
    };
    let Some(elst) = elst else { return Ok(0) };
    elst.parse(|body| {
        let mut reader = Reader::new(body);
        let wide = reader.u32() >> 24 == 1;
        let count = reader.u32();
        let mut edit = || {
            let duration = reader.sized(wide);
            let media_time = reader.sized(wide);
            let rate = reader.u32();
            let media_time = if wide {
                media_time as i64
            } else {
                i64::from(media_time as u32 as i32)
            };
            reader.ok()?;
            Some((duration, media_time, rate))
        };
        let first = if count == 1 || count == 2 {
            edit()?
        } else {
            return Some(0);
        };
        let (delay, plain) = match first {
            (delay, -1, _) if count == 2 => (delay, edit()?),
            plain if count == 1 => (0, plain),
            _ => return Some(0),
        };
        let (_, media_time, rate) = plain;
        if media_time < 0 || rate != 0x0001_0000 {
            return Some(0);
        }
        let delay = Time::new(i64::try_from(delay).ok()?, movie_timescale);
        media_time.checked_sub(delay.ticks_in(timescale, Round::Nearest))
    })
}

/// Makes a frame rate in lowest terms; `den` is not zero.
fn reduced(num: u32, den: u32) -> FrameRate {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    FrameRate {
        num: num / a,
        den: den / a,
    }
}

#[cfg(test)]
mod tests;
