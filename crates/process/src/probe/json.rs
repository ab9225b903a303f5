//! The JSON of ffprobe, which writes most numbers as text, turned into [`Probe`].

use std::collections::HashMap;

use serde::Deserialize;

use super::{Audio, Kind, Probe, Rational, Stream, Video};

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    streams: Vec<RawStream>,
    #[serde(default)]
    format: RawFormat,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawFormat {
    format_name: String,
    start_time: Option<String>,
    duration: Option<String>,
    size: Option<String>,
    bit_rate: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStream {
    index: u32,
    codec_name: Option<String>,
    codec_type: Option<String>,
    profile: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    has_b_frames: Option<i64>,
    sample_aspect_ratio: Option<String>,
    pix_fmt: Option<String>,
    color_primaries: Option<String>,
    color_space: Option<String>,
    color_range: Option<String>,
    color_transfer: Option<String>,
    field_order: Option<String>,
    sample_rate: Option<String>,
    channels: Option<u32>,
    channel_layout: Option<String>,
    r_frame_rate: Option<String>,
    avg_frame_rate: Option<String>,
    time_base: Option<String>,
    start_pts: Option<i64>,
    duration_ts: Option<i64>,
    bit_rate: Option<String>,
    nb_frames: Option<String>,
    disposition: HashMap<String, i64>,
    tags: HashMap<String, String>,
    side_data_list: Vec<SideData>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SideData {
    rotation: Option<i64>,
}

/// Reads the output of `ffprobe -of json -show_format -show_streams`.
pub(super) fn read(json: &[u8]) -> Result<Probe, serde_json::Error> {
    let document: Document = serde_json::from_slice(json)?;
    let format = document.format;
    Ok(Probe {
        duration: decimal(format.duration.as_deref()),
        start: decimal(format.start_time.as_deref()),
        size: number(format.size.as_deref()),
        bit_rate: number(format.bit_rate.as_deref()),
        format: format.format_name,
        streams: document.streams.into_iter().map(stream).collect(),
    })
}

fn stream(raw: RawStream) -> Stream {
    let kind = match raw.codec_type.as_deref() {
        Some("video") => Kind::Video,
        Some("audio") => Kind::Audio,
        Some("subtitle") => Kind::Subtitle,
        _ => Kind::Other,
    };
    let flag = |name: &str| raw.disposition.get(name).is_some_and(|value| *value != 0);
    Stream {
        index: raw.index,
        kind,
        time_base: fraction(raw.time_base.as_deref()),
        start_pts: raw.start_pts,
        duration_ticks: raw.duration_ts,
        frames: number(raw.nb_frames.as_deref()),
        bit_rate: number(raw.bit_rate.as_deref()),
        language: tag(&raw, "language").filter(|it| it != "und"),
        title: tag(&raw, "title"),
        is_default: flag("default"),
        is_cover: flag("attached_pic") || flag("timed_thumbnails"),
        is_forced: flag("forced"),
        is_comment: flag("comment"),
        is_impaired: flag("hearing_impaired") || flag("visual_impaired") || flag("descriptions"),
        video: (kind == Kind::Video).then(|| video(&raw)),
        audio: (kind == Kind::Audio).then(|| audio(&raw)),
        profile: raw.profile,
        codec: raw.codec_name.unwrap_or_default(),
    }
}

fn video(raw: &RawStream) -> Video {
    let sar = fraction(raw.sample_aspect_ratio.as_deref()).and_then(|sar| {
        let pair = (u32::try_from(sar.num).ok()?, u32::try_from(sar.den).ok()?);
        (pair.0 > 0).then_some(pair)
    });
    Video {
        width: raw.width.unwrap_or(0),
        height: raw.height.unwrap_or(0),
        sar,
        base_rate: fraction(raw.r_frame_rate.as_deref()).filter(|rate| rate.is_positive()),
        mean_rate: fraction(raw.avg_frame_rate.as_deref()).filter(|rate| rate.is_positive()),
        rotation: rotation(raw),
        interlaced: matches!(raw.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
        pixel_format: raw.pix_fmt.clone(),
        primaries: told(raw.color_primaries.as_deref()),
        matrix: told(raw.color_space.as_deref()),
        range: told(raw.color_range.as_deref()),
        transfer: told(raw.color_transfer.as_deref()),
        reordered: raw.has_b_frames.unwrap_or(0) > 0,
    }
}

/// Leaves out what ffprobe writes for unknown.
fn told(name: Option<&str>) -> Option<String> {
    name.filter(|name| !matches!(*name, "unknown" | "reserved"))
        .map(str::to_owned)
}

/// The display matrix is counter-clockwise in ffprobe; the old `rotate` tag is clockwise.
fn rotation(raw: &RawStream) -> u16 {
    let matrix = raw.side_data_list.iter().find_map(|data| data.rotation);
    let clockwise = match matrix {
        Some(turn) => turn.checked_neg(),
        None => raw.tags.get("rotate").and_then(|text| text.parse().ok()),
    };
    // Rounded to a quarter turn, which is all that cameras write.
    let quarters = (clockwise.unwrap_or(0).rem_euclid(360) + 45) / 90 % 4;
    quarters as u16 * 90
}

fn audio(raw: &RawStream) -> Audio {
    Audio {
        sampling_rate: raw
            .sample_rate
            .as_deref()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        channels: raw.channels.unwrap_or(0),
        layout: raw.channel_layout.clone(),
    }
}

/// Matroska and others write tag names in capitals.
fn tag(raw: &RawStream, name: &str) -> Option<String> {
    raw.tags
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.clone())
}

fn number(text: Option<&str>) -> Option<u64> {
    text?.parse().ok()
}

fn decimal(text: Option<&str>) -> Option<Rational> {
    Rational::parse_decimal(text?)
}

fn fraction(text: Option<&str>) -> Option<Rational> {
    Rational::parse_fraction(text?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_video_is_read() {
        let json = r#"{
            "streams": [
                {"index": 0, "codec_name": "h264", "profile": "High", "codec_type": "video",
                 "width": 1920, "height": 1080, "has_b_frames": 1, "sample_aspect_ratio": "1:1",
                 "pix_fmt": "yuv420p", "color_transfer": "bt709", "field_order": "progressive",
                 "r_frame_rate": "30000/1001", "avg_frame_rate": "15000/501",
                 "time_base": "1/90000", "start_pts": 0, "duration_ts": 901800,
                 "bit_rate": "8000000", "nb_frames": "300", "disposition": {"default": 1},
                 "tags": {"language": "und"}, "side_data_list": [{"rotation": -90}]},
                {"index": 1, "codec_name": "aac", "codec_type": "audio", "sample_rate": "48000",
                 "channels": 2, "channel_layout": "stereo", "time_base": "1/48000",
                 "r_frame_rate": "0/0", "start_pts": -1024, "tags": {"LANGUAGE": "swe"}},
                {"index": 2, "codec_name": "mjpeg", "codec_type": "video", "width": 10,
                 "height": 10, "disposition": {"attached_pic": 1}},
                {"index": 3, "codec_type": "data"}
            ],
            "format": {"format_name": "mov,mp4", "start_time": "-0.021333",
                "duration": "10.020000", "size": "10485760", "bit_rate": "8371684"}
        }"#;
        let probe = read(json.as_bytes()).unwrap();
        assert_eq!(probe.duration, Rational::new(10_020_000, 1_000_000));
        assert_eq!(probe.start, Rational::new(-21_333, 1_000_000));
        let [picture, sound, cover, data] = probe.streams.as_slice() else {
            panic!("four streams");
        };
        let video = picture.video.as_ref().unwrap();
        assert_eq!(video.rotation, 90);
        assert_eq!(video.base_rate, Rational::new(30_000, 1001));
        assert!(video.reordered && !video.interlaced && !video.is_hdr());
        assert_eq!(
            (picture.language.as_deref(), picture.frames),
            (None, Some(300))
        );
        assert_eq!(sound.language.as_deref(), Some("swe"));
        assert_eq!(sound.audio.as_ref().unwrap().sampling_rate, 48_000);
        assert_eq!(sound.start_pts, Some(-1024));
        assert!(cover.is_cover);
        assert_eq!((data.kind, data.codec.as_str()), (Kind::Other, ""));
    }

    #[test]
    fn rotation_is_clockwise_in_quarters() {
        for (matrix, tag, expected) in [
            (Some(-90), None, 90),
            (Some(90), None, 270),
            (Some(-180), None, 180),
            (Some(180), None, 180),
            (Some(3), None, 0),
            (Some(i64::MIN), None, 0),
            (None, Some("90"), 90),
            (None, Some("-90"), 270),
            (None, None, 0),
        ] {
            let raw = RawStream {
                side_data_list: vec![SideData { rotation: matrix }],
                tags: tag
                    .map(|value: &str| ("rotate".to_owned(), value.to_owned()))
                    .into_iter()
                    .collect(),
                ..RawStream::default()
            };
            assert_eq!(rotation(&raw), expected, "{matrix:?} {tag:?}");
        }
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        assert!(read(b"").is_err());
        assert!(read(b"{\"streams\": 3}").is_err());
        assert_eq!(read(b"{}").unwrap(), Probe::default());
    }
}
