//! A made-up low-latency channel, HLS and DASH over the same segments: what it answers is a function
//! of the request and the time. One fault at a time can be planted.

use bytes::Bytes;
use media::iso8601::{Milliseconds, push_date_time};

use super::made::{self, Half, Track};
use crate::watch::{Answer, Headers, Method, Request};

const PART_MS: i64 = 500;
const PARTS: u64 = 4;
/// From the end of a part until it is there.
const DELAY_MS: i64 = 40;
const FIRST_MSN: u64 = 100;
/// Listed segments.
const WINDOW: usize = 16;
/// How much media there is.
const LENGTH_MS: i64 = 1_000_000;

/// What is wrong with the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    PartTooLong,
    SegmentTooLong,
    HoldBackShort,
    HintWrong,
    HintRefused,
    HintDribbled,
    ReportWrong,
    ReportMissing,
    SequenceBack,
    DiscontinuityUncounted,
    DateJumps,
    SegmentGone,
    RemovedGone,
    PartAloneAnswered,
    FarSegmentAnswered,
    OldSegmentHeld,
    SkipTooMuch,
    UnknownRefused,
    TypeWrong,
    NoCors,
    NoCaching,
    NotIndependent,
    NoSync,
    DecodeHole,
    SampleLost,
    InitOverwritten,
    PartTargetMoves,
    Pause,
    PartsDropped,
    AudioBehind,
    SizeWrong,
    StartMoves,
    PublishStuck,
    PeriodMoves,
    OffsetAlone,
    NoClock,
    ClockWrong,
    NoLatency,
    NumberGone,
    HeldBack,
    FutureAnswered,
    ProducerOff,
    ProducerAhead,
}

/// A segment.
#[derive(Clone, Debug)]
struct Seg {
    msn: u64,
    /// How many restarts of the encoder went before.
    era: usize,
    /// In ms of the channel.
    start: i64,
    parts: u64,
    /// When it is whole, in ms of the channel.
    whole_at: i64,
}

/// The channel.
#[derive(Clone, Debug)]
pub(super) struct Fake {
    /// When it began, Unix ms.
    pub(super) start: i64,
    /// From when on the fault is there, in ms of the channel.
    pub(super) fault_at: i64,
    pub(super) fault: Fault,
    segments: Vec<Seg>,
}

/// An answer and when it comes, Unix ms.
pub(super) struct Served {
    pub(super) first: i64,
    pub(super) done: i64,
    pub(super) answer: Answer,
}

impl Fake {
    /// Makes a channel that began at `start`, whose encoder is away for the time `away` (ms of the
    /// channel, multiples of 500).
    pub(super) fn new(start: i64, away: Option<(i64, i64)>, fault: Fault) -> Self {
        let mut segments: Vec<Seg> = Vec::new();
        let (mut at, mut era) = (0, 0);
        while at < LENGTH_MS {
            let mut parts = PARTS;
            let mut end = at + PARTS as i64 * PART_MS;
            let mut whole_at = end + DELAY_MS;
            let mut next = end;
            if let Some((dies, lives)) = away
                && era == 0
                && end >= dies
            {
                parts = ((dies - at) / PART_MS) as u64;
                end = dies;
                whole_at = end + 300;
                next = lives;
                era = 1;
            }
            if parts > 0 {
                segments.push(Seg {
                    msn: FIRST_MSN + segments.len() as u64,
                    era: if next == end { era } else { 0 },
                    start: at,
                    parts,
                    whole_at,
                });
            }
            at = next;
        }
        Self {
            start,
            fault_at: 0,
            fault,
            segments,
        }
    }

    fn has(&self, fault: Fault, t: i64) -> bool {
        self.fault == fault && t >= self.fault_at
    }

    /// Returns how much later a track is published.
    fn lag(&self, track: Track, t: i64) -> i64 {
        let behind = track == Track::Audio && self.has(Fault::AudioBehind, t);
        let paused = self.fault == Fault::Pause && (0..4000).contains(&(t - self.fault_at));
        match (behind, paused) {
            (true, _) => 7000,
            (false, true) => t - self.fault_at,
            (false, false) => 0,
        }
    }

    /// Returns the number of whole segments and of parts of the next at `t`.
    fn position(&self, track: Track, t: i64) -> (usize, u64) {
        let t = t - self.lag(track, t);
        let whole = self.segments.partition_point(|seg| seg.whole_at <= t);
        let open = self.segments.get(whole).map_or(0, |seg| {
            let ready = (t - DELAY_MS - seg.start).max(0) / PART_MS;
            (ready as u64).min(seg.parts)
        });
        (whole, open)
    }

    /// Answers a request that arrives at `now`, Unix ms.
    pub(super) fn serve(&self, request: &Request, now: i64) -> Served {
        let t = now - self.start;
        let path = request.url.path().to_owned();
        let query = request.url.query().unwrap_or_default().to_owned();
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let track = if folder.ends_with("/a") {
            Track::Audio
        } else {
            Track::Video
        };
        let (first, done, status, kind, body) = match name {
            "master.m3u8" => (t, t, 200, "hls", self.master().into_bytes()),
            "playlist.m3u8" => self.playlist(track, &query, t),
            "manifest.mpd" => (t, t, 200, "dash", self.mpd(t).into_bytes()),
            "time" => (t, t, 200, "time", self.time(t).into_bytes()),
            name => self.media(track, name, t, request.waits),
        };
        let body = match request.method {
            Method::Head => Vec::new(),
            Method::Get => body,
        };
        Served {
            first: self.start + first,
            done: self.start + done.max(first),
            answer: Answer {
                status,
                headers: self.headers(kind, track, t),
                body: Bytes::from(body),
                is_http: true,
            },
        }
    }

    fn headers(&self, kind: &str, track: Track, t: i64) -> Headers {
        let content = match (kind, track) {
            ("hls", _) if self.has(Fault::TypeWrong, t) => "text/plain",
            ("hls", _) => "application/vnd.apple.mpegurl",
            ("dash", _) => "application/dash+xml",
            ("time", _) => "text/plain",
            (_, Track::Video) => "video/mp4",
            (_, Track::Audio) => "audio/mp4",
        };
        let age = if kind == "media" { 3600 } else { 1 };
        let mut headers = vec![("content-type".to_owned(), content.to_owned())];
        if !self.has(Fault::NoCors, t) {
            headers.push(("access-control-allow-origin".to_owned(), "*".to_owned()));
        }
        if !self.has(Fault::NoCaching, t) {
            headers.push(("cache-control".to_owned(), format!("max-age={age}")));
        }
        Headers(headers)
    }

    fn master(&self) -> String {
        let size = match self.fault {
            Fault::SizeWrong => "1280x720",
            _ => "320x180",
        };
        format!(
            "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"sound\",DEFAULT=YES,AUTOSELECT=YES,\
             URI=\"a/playlist.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=80000,AVERAGE-BANDWIDTH=60000,\
             CODECS=\"avc1.42c00d,opus\",RESOLUTION={size},FRAME-RATE=30.000,AUDIO=\"a\"\n\
             v/playlist.m3u8\n"
        )
    }

    fn time(&self, t: i64) -> String {
        let off = if self.fault == Fault::ClockWrong {
            2000
        } else {
            0
        };
        date(self.start + t + off)
    }

    fn playlist(&self, track: Track, query: &str, t: i64) -> Reply {
        let find = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let refuse = |status| (t, t, status, "hls", Vec::new());
        let (msn, part) = (find("_HLS_msn"), find("_HLS_part"));
        let at = |when: i64, skip: bool| {
            let text = self.list(track, when, skip);
            (when, when, 200, "hls", text.into_bytes())
        };
        if find("_HLS_watch").is_some() && self.has(Fault::UnknownRefused, t) {
            return refuse(400);
        }
        let Some(msn) = msn else {
            if part.is_some() && !self.has(Fault::PartAloneAnswered, t) {
                return refuse(400);
            }
            return at(t, find("_HLS_skip").is_some());
        };
        let Ok(msn) = msn.parse::<u64>() else {
            return refuse(400);
        };
        let part = part.and_then(|part| part.parse::<u64>().ok());
        let (whole, open) = self.position(track, t);
        let next = FIRST_MSN + whole as u64;
        let far_part = part.unwrap_or(0) > if msn == next { open + 6 } else { 6 };
        if (msn > next + 1 || far_part) && !self.has(Fault::FarSegmentAnswered, t) {
            return refuse(400);
        }
        if msn + 10 < next && self.has(Fault::OldSegmentHeld, t) {
            return at(t + 1500, false);
        }
        if msn > next + 1 {
            return at(t, false);
        }
        let reached = |when: i64| {
            let (whole, open) = self.position(track, when);
            let next = FIRST_MSN + whole as u64;
            next > msn || (next == msn && part.is_some_and(|part| open > part))
        };
        match (0..6000).step_by(5).find(|wait| reached(t + wait)) {
            Some(wait) => at(t + wait, false),
            None => (t + 6000, t + 6000, 503, "hls", Vec::new()),
        }
    }

    /// Writes a media playlist as it is at `t`.
    fn list(&self, track: Track, t: i64, skip: bool) -> String {
        let (whole, open) = self.position(track, t);
        let first = whole.saturating_sub(WINDOW);
        let listed = self.segments.get(first..whole).unwrap_or_default();
        let dsn = listed.first().map_or(0, |seg| seg.era as u64);
        // A discontinuity that is still listed is counted where it stands.
        let begins = first > 0
            && listed
                .first()
                .is_some_and(|seg| self.segments[first - 1].era != seg.era);
        let mut counted = dsn - u64::from(begins && dsn > 0);
        if self.has(Fault::DiscontinuityUncounted, t) {
            counted = 0;
        }
        let mut sequence = FIRST_MSN + first as u64;
        if self.fault == Fault::SequenceBack && (0..700).contains(&(t - self.fault_at)) {
            sequence -= 3;
        }
        let moved = self.has(Fault::PartTargetMoves, t);
        let target = if moved { "0.52" } else { "0.5" };
        let held = match self.fault {
            Fault::HoldBackShort => "1.2",
            _ if moved => "1.56",
            _ => "1.5",
        };
        let mut out = format!(
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n\
             #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={held},CAN-SKIP-UNTIL=12\n\
             #EXT-X-PART-INF:PART-TARGET={target}\n#EXT-X-MEDIA-SEQUENCE:{sequence}\n\
             #EXT-X-DISCONTINUITY-SEQUENCE:{counted}\n"
        );
        let mut rest = listed;
        if skip {
            let boundary = if self.has(Fault::SkipTooMuch, t) {
                3
            } else {
                7
            };
            let skipped = listed.len().saturating_sub(boundary);
            out.push_str(&format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n"));
            rest = listed.get(skipped..).unwrap_or_default();
        }
        let mut era = None;
        let near = if self.has(Fault::PartsDropped, t) {
            2
        } else {
            4
        };
        for (index, seg) in rest.iter().enumerate() {
            self.push_head(&mut out, track, seg, &mut era, t);
            if rest.len() - index <= near {
                for part in 0..seg.parts {
                    self.push_part(&mut out, seg, part);
                }
            }
            let mut ms = seg.parts as i64 * PART_MS;
            if self.fault == Fault::SegmentTooLong && seg.msn.is_multiple_of(5) {
                ms = 2600;
            }
            out.push_str(&format!(
                "#EXTINF:{}.{:03},\n{}.m4s\n",
                ms / 1000,
                ms % 1000,
                seg.msn
            ));
        }
        if let Some(seg) = self.segments.get(whole) {
            if open > 0 {
                self.push_head(&mut out, track, seg, &mut era, t);
                for part in 0..open {
                    self.push_part(&mut out, seg, part);
                }
            }
            let hinted = match self.fault {
                Fault::HintWrong if seg.msn.is_multiple_of(3) => open + 1,
                _ => open,
            };
            out.push_str(&format!(
                "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}.{hinted}.m4s\"\n",
                seg.msn
            ));
        }
        self.push_report(&mut out, track, t);
        out
    }

    fn push_head(
        &self,
        out: &mut String,
        track: Track,
        seg: &Seg,
        era: &mut Option<usize>,
        t: i64,
    ) {
        let first_of_era = self
            .segments
            .iter()
            .find(|other| other.era == seg.era)
            .is_some_and(|first| first.msn == seg.msn);
        if first_of_era && seg.era > 0 {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if *era != Some(seg.era) {
            let name = self.init_name(seg.era);
            out.push_str(&format!("#EXT-X-MAP:URI=\"{name}\"\n"));
            *era = Some(seg.era);
        }
        let jump = match self.fault {
            Fault::DateJumps if track == Track::Video && seg.start >= self.fault_at => 1000,
            _ => 0,
        };
        let _ = t;
        let at = date(self.start + seg.start + jump);
        out.push_str(&format!("#EXT-X-PROGRAM-DATE-TIME:{at}\n"));
    }

    fn init_name(&self, era: usize) -> String {
        match self.fault {
            Fault::InitOverwritten => "init.mp4".to_owned(),
            _ => format!("init-{era}.mp4"),
        }
    }

    fn push_part(&self, out: &mut String, seg: &Seg, part: u64) {
        let mut independent = part.is_multiple_of(2);
        if self.fault == Fault::NotIndependent {
            independent = true;
        }
        let mut duration = "0.5";
        if self.fault == Fault::PartTooLong && seg.msn.is_multiple_of(4) && part == 1 {
            duration = "0.6";
        }
        out.push_str(&format!(
            "#EXT-X-PART:DURATION={duration},URI=\"{}.{part}.m4s\"{}\n",
            seg.msn,
            if independent { ",INDEPENDENT=YES" } else { "" }
        ));
    }

    fn push_report(&self, out: &mut String, track: Track, t: i64) {
        if self.fault == Fault::ReportMissing {
            return;
        }
        let other = match track {
            Track::Video => Track::Audio,
            Track::Audio => Track::Video,
        };
        let (whole, open) = self.position(other, t);
        let (mut msn, part) = match (open, whole.checked_sub(1)) {
            (0, Some(last)) => (FIRST_MSN + last as u64, self.segments[last].parts - 1),
            (open, _) => (FIRST_MSN + whole as u64, open.saturating_sub(1)),
        };
        if self.has(Fault::ReportWrong, t) {
            msn += 5;
        }
        out.push_str(&format!(
            "#EXT-X-RENDITION-REPORT:URI=\"../{}/playlist.m3u8\",LAST-MSN={msn},LAST-PART={part}\n",
            other.folder()
        ));
    }

    fn media(&self, track: Track, name: &str, t: i64, waits: bool) -> Reply {
        let refuse = (t, t, 404, "media", Vec::new());
        if let Some(mark) = name.strip_prefix("init") {
            let restarted = self
                .segments
                .iter()
                .any(|seg| seg.era == 1 && seg.start <= t);
            let era = match self.fault {
                Fault::InitOverwritten => u8::from(restarted),
                _ => u8::from(mark == "-1.mp4"),
            };
            return (t, t, 200, "media", made::init(track, era));
        }
        let mut numbers = name.split('.');
        let msn = numbers.next().and_then(|text| text.parse::<u64>().ok());
        let Some(index) = msn.and_then(|msn| msn.checked_sub(FIRST_MSN)) else {
            return refuse;
        };
        let known = name.strip_suffix(".m4s").is_some();
        let Some(seg) = self.segments.get(index as usize).filter(|_| known) else {
            return refuse;
        };
        let (whole, open) = self.position(track, t);
        let lag = self.lag(track, t);
        let second = numbers.next().unwrap_or_default();
        if let Ok(part) = second.parse::<u64>() {
            let there = (index as usize) < whole || (index as usize == whole && part < open);
            let body = self.part(track, seg, part);
            if part >= seg.parts {
                return refuse;
            }
            if there {
                return (t, t, 200, "media", body);
            }
            if index as usize != whole || part != open || self.fault == Fault::HintRefused {
                return refuse;
            }
            let ready = seg.start + (part as i64 + 1) * PART_MS + DELAY_MS + lag;
            let dribbles = self.fault == Fault::HintDribbled;
            let first = if dribbles { ready - 450 } else { ready };
            return (first.max(t), ready.max(t), 200, "media", body);
        }
        let mut body: Vec<u8> = (0..seg.parts)
            .flat_map(|part| self.part(track, seg, part))
            .collect();
        if self.fault == Fault::SampleLost && seg.msn.is_multiple_of(6) {
            body = (0..seg.parts)
                .flat_map(|part| self.half(track, seg, part, u32::from(part == 3)))
                .collect();
        }
        let removed = (index as usize) + WINDOW < whole;
        let gone = match self.fault {
            Fault::SegmentGone | Fault::NumberGone => t >= self.fault_at && seg.msn % 10 == 7,
            Fault::RemovedGone => removed,
            _ => false,
        };
        if gone {
            return refuse;
        }
        if (index as usize) < whole {
            return (t, t, 200, "media", body);
        }
        let first_chunk = seg.start + PART_MS + DELAY_MS;
        if self.fault == Fault::FutureAnswered && first_chunk > t + 50_000 {
            return (t, t, 200, "media", body);
        }
        if t < first_chunk || !waits {
            return refuse;
        }
        let first = match self.fault {
            Fault::HeldBack => seg.whole_at,
            _ => t,
        };
        (first, seg.whole_at.max(t), 200, "media", body)
    }

    fn part(&self, track: Track, seg: &Seg, part: u64) -> Vec<u8> {
        self.half(track, seg, part, 0)
    }

    fn half(&self, track: Track, seg: &Seg, part: u64, lost: u32) -> Vec<u8> {
        let mut at = seg.start + part as i64 * PART_MS;
        if self.fault == Fault::DecodeHole && seg.start >= self.fault_at {
            at += 100;
        }
        let sync = part.is_multiple_of(2)
            && !(self.fault == Fault::NoSync && seg.msn.is_multiple_of(6) && part == 0);
        let off = match self.fault {
            Fault::ProducerOff if seg.start >= self.fault_at => -300,
            Fault::ProducerAhead if seg.start >= self.fault_at => 9000,
            _ => 0,
        };
        made::fragment(Half {
            track,
            at: at as u64,
            starts_with_sync: sync,
            lost,
            made: Some(self.start + seg.start + part as i64 * PART_MS + off),
        })
    }

    fn mpd(&self, t: i64) -> String {
        let mut begin = self.start;
        if self.has(Fault::StartMoves, t) {
            begin += 1000;
        }
        let eras: Vec<&Seg> = (0..2)
            .filter_map(|era| self.segments.iter().find(|seg| seg.era == era))
            .filter(|seg| seg.start + PART_MS + DELAY_MS <= t)
            .collect();
        let published = eras.last().map_or(0, |seg| seg.start + PART_MS + DELAY_MS);
        let published = match self.fault {
            Fault::PublishStuck => 0,
            Fault::StartMoves | Fault::PeriodMoves => t,
            _ => published,
        };
        let mut out = format!(
            "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" \
             profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"dynamic\" \
             availabilityStartTime=\"{}\" publishTime=\"{}\" minimumUpdatePeriod=\"PT1S\" \
             timeShiftBufferDepth=\"PT30S\" maxSegmentDuration=\"PT2S\" minBufferTime=\"PT1S\">\n",
            date(begin),
            date(self.start + published)
        );
        if self.fault == Fault::NoLatency {
            out.push_str("<ServiceDescription id=\"0\"/>\n");
        } else {
            out.push_str(
                "<ServiceDescription id=\"0\"><Latency target=\"1500\"/></ServiceDescription>\n",
            );
        }
        for (era, first) in eras.iter().enumerate() {
            let last = self.segments.iter().rfind(|seg| seg.era == era);
            let ended = last.filter(|_| era + 1 < eras.len());
            let moved = if self.has(Fault::PeriodMoves, t) {
                500
            } else {
                0
            };
            let start = first.start + moved;
            let duration = ended.map_or_else(String::new, |last| {
                let length = last.start + last.parts as i64 * PART_MS - first.start;
                format!(" duration=\"PT{}.{:03}S\"", length / 1000, length % 1000)
            });
            out.push_str(&format!(
                "<Period id=\"p{era}\" start=\"PT{}.{:03}S\"{duration}>\n",
                start / 1000,
                start % 1000
            ));
            for track in [Track::Video, Track::Audio] {
                self.push_set(&mut out, track, first);
            }
            out.push_str("</Period>\n");
        }
        if self.fault != Fault::NoClock {
            out.push_str(
                "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"time\"/>\n",
            );
        }
        out.push_str("</MPD>\n");
        out
    }

    fn push_set(&self, out: &mut String, track: Track, first: &Seg) {
        let scale = track.timescale();
        let complete = match self.fault {
            Fault::OffsetAlone => "",
            _ => " availabilityTimeComplete=\"false\"",
        };
        let (content, codecs, size) = match track {
            Track::Video => ("video", "avc1.42c00d", " width=\"320\" height=\"180\""),
            Track::Audio => ("audio", "opus", ""),
        };
        let folder = track.folder();
        out.push_str(&format!(
            "<AdaptationSet contentType=\"{content}\" mimeType=\"{content}/mp4\">\
             <SegmentTemplate timescale=\"{scale}\" duration=\"{}\" startNumber=\"{}\" \
             presentationTimeOffset=\"{}\" availabilityTimeOffset=\"1.4\"{complete} \
             initialization=\"{folder}/{}\" media=\"{folder}/$Number$.m4s\"/>\
             <Representation id=\"{folder}\" bandwidth=\"80000\" codecs=\"{codecs}\"{size}/>\
             </AdaptationSet>\n",
            scale * 2,
            first.msn,
            first.start as u64 * u64::from(scale) / 1000,
            self.init_name(first.era)
        ));
    }
}

/// Headers at, end at (ms of the channel), status, kind of content, body.
type Reply = (i64, i64, u16, &'static str, Vec<u8>);

fn date(unix_ms: i64) -> String {
    let mut out = String::new();
    push_date_time(&mut out, unix_ms, Milliseconds::Always);
    out
}
