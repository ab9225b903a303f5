//! Presentations for the tests of the writers.

use std::sync::Arc;

use super::read;
use crate::{
    presentation::{
        Addressing, Live, Liveness, Period, Presentation, Shape, StartNumber, Timeline, UtcTiming,
    },
    time::{Round, Time, Timescale},
};

/// 25 fps video in two qualities, English audio in two, Swedish and a commentary in one, two
/// subtitles, thumbnails; protection and descriptors with namespaces.
pub(crate) const RICH: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<!-- made for tests -->
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" id="rich" type="static"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="urn:mpeg:dash:schema:mpd:2011 DASH-MPD.xsd"profiles="urn:mpeg:dash:profile:isoff-live:2011"
    mediaPresentationDuration="PT0H0M8.000S" minBufferTime="PT1.500S" maxSegmentDuration="PT2S">
  <ProgramInformation moreInformationURL="http://x.example/?a=1&amp;b=2">
    <Title>Rich &amp; plain &lt;1&gt;</Title>
  </ProgramInformation>
  <BaseURL>media/</BaseURL>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="old"/>
  <Period id="one" start="PT0S" duration="PT8S">
    <AssetIdentifier schemeIdUri="urn:x" value="7"/>
    <AdaptationSet contentType="video" mimeType="video/mp4" par="16:9" segmentAlignment="true" startWithSAP="1" maxWidth="1280" maxHeight="720">
      <ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc" cenc:default_KID="00112233-4455-6677-8899-aabbccddeeff"/>
      <ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"><cenc:pssh>AAAA</cenc:pssh></ContentProtection>
      <EssentialProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics" value="1"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <SegmentTemplate timescale="12800" duration="25600" startNumber="1" media="$RepresentationID$/$Number%05d$.m4s" initialization="$RepresentationID$/init.mp4"/>
      <Representation id="v/720" codecs="avc1.64001f" bandwidth="1000000" width="1280" height="720" frameRate="25/1" sar="1:1" scanType="progressive"/>
      <Representation id="v/360" codecs="avc1.64001e" bandwidth="300000" width="640" height="360" frameRate="25" sar="1:1"/>
    </AdaptationSet>
    <AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">
      <Label>English</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <SegmentTemplate timescale="48000" duration="96000" startNumber="1" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init.mp4"/>
      <Representation id="a64" codecs="mp4a.40.5" bandwidth="64000" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
      </Representation>
      <Representation id="a128" codecs="mp4a.40.2" bandwidth="128000" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
      </Representation>
    </AdaptationSet>
    <AdaptationSet contentType="audio" mimeType="audio/mp4" lang="sv" segmentAlignment="true" startWithSAP="1">
      <SegmentTemplate timescale="48000" duration="96000" startNumber="1" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init.mp4"/>
      <Representation id="sv" codecs="mp4a.40.2" bandwidth="96000" audioSamplingRate="48000"/>
    </AdaptationSet>
    <AdaptationSet contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="commentary"/>
      <SegmentTemplate timescale="48000" duration="96000" startNumber="1" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init.mp4"/>
      <Representation id="comment" codecs="ec-3" bandwidth="192000" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="tag:dolby.com,2014:dash:audio_channel_configuration:2011" value="F801"/>
      </Representation>
    </AdaptationSet>
    <AdaptationSet contentType="text" mimeType="application/mp4" lang="en">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="caption"/>
      <SegmentTemplate timescale="1000" duration="2000" startNumber="1" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init.mp4"/>
      <Representation id="sub en" codecs="stpp.ttml.im1t" bandwidth="1000"/>
    </AdaptationSet>
    <AdaptationSet contentType="text" mimeType="application/mp4" lang="sv">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="forced-subtitle"/>
      <SegmentTemplate timescale="1000" duration="2000" startNumber="1" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init.mp4"/>
      <Representation id="sub-sv" codecs="wvtt" bandwidth="1000"/>
    </AdaptationSet>
    <AdaptationSet contentType="image" mimeType="image/jpeg">
      <SegmentTemplate timescale="1" duration="2" startNumber="1" media="$RepresentationID$/$Number$.jpg"/>
      <Representation id="thumbs" bandwidth="10000" width="160" height="90">
        <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="1x1"/>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"#;

/// 29.97 fps video and audio whose segments follow it, both with a timeline by time.
pub(crate) const NTSC: &str = r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT8.008S" minBufferTime="PT2.002S" maxSegmentDuration="PT2.006S">
  <Period>
    <AdaptationSet contentType="video" segmentAlignment="true">
      <SegmentTemplate media="$RepresentationID$/$Time$.m4s" initialization="$RepresentationID$/init.mp4" timescale="30000">
        <SegmentTimeline><S t="0" d="60060" r="3"/></SegmentTimeline>
      </SegmentTemplate>
      <Representation id="1" mimeType="video/mp4" codecs="avc1.640028" width="1920" height="1080" frameRate="30000/1001" bandwidth="5100000"/>
    </AdaptationSet>
    <AdaptationSet contentType="audio" lang="und" segmentAlignment="true">
      <SegmentTemplate media="$RepresentationID$/$Time$.m4s" initialization="$RepresentationID$/init.mp4" timescale="48000">
        <SegmentTimeline><S t="0" d="96256" r="2"/><S d="95616"/></SegmentTimeline>
      </SegmentTemplate>
      <Representation id="2" mimeType="audio/mp4" codecs="mp4a.40.2" audioSamplingRate="48000" bandwidth="128000"/>
    </AdaptationSet>
  </Period>
</MPD>"#;

/// Reads the shape and gives every track measured bit rates and the timescale of its segments.
pub(crate) fn shape(text: &str) -> Arc<Shape> {
    let mut shape = read::parse(text).unwrap().shape;
    for track in shape.sets.iter_mut().flat_map(|set| &mut set.tracks) {
        track.average_bandwidth = track.bandwidth - 5;
        track.peak_bandwidth = track.bandwidth + 7;
        if track.timescale == Timescale::SECONDS {
            track.timescale = Timescale::MS;
        }
    }
    Arc::new(shape)
}

/// Cuts the endless stream of nominal segments into those that touch the window, in ms. Numbers
/// count from the start of the stream.
fn timelines(shape: &Shape, from_ms: i64, to_ms: i64, offset: Time) -> Vec<Timeline> {
    let cut = |(_, track): (_, &crate::presentation::Track)| {
        let nominal = Time::new(track.nominal.duration as i64, track.nominal.timescale);
        let duration = nominal.ticks_in(track.timescale, Round::Nearest) as u64;
        let first =
            Time::from_ms(from_ms).ticks_in(track.timescale, Round::Nearest) as u64 / duration;
        let end = Time::from_ms(to_ms).ticks_in(track.timescale, Round::Nearest) as u64 / duration;
        let mut timeline = Timeline {
            presentation_time_offset: offset.ticks_in(track.timescale, Round::Nearest) as u64,
            first_number: first,
            ..Timeline::default()
        };
        for number in first..end {
            timeline.push(number * duration, duration);
        }
        timeline
    };
    shape.tracks().map(cut).collect()
}

/// All segments of the first eight seconds, numbered from 1.
pub(crate) fn vod(shape: &Arc<Shape>, addressing: Addressing) -> Presentation {
    let mut timelines = timelines(shape, 0, 8010, Time::ZERO);
    for timeline in &mut timelines {
        timeline.first_number = 1;
    }
    Presentation {
        liveness: Liveness::Static {
            duration: Time::from_ms(8008),
        },
        addressing,
        periods: vec![Period {
            id: "P0".to_owned(),
            start: Time::ZERO,
            duration: None,
            shape: Arc::clone(shape),
            start_number: StartNumber::FirstListed,
            timelines,
            discontinuity_sequence: 0,
        }],
    }
}

/// The window from `from_ms` to `to_ms` of an endless stream that began at the epoch.
pub(crate) fn live(
    shape: &Arc<Shape>,
    addressing: Addressing,
    from_ms: i64,
    to_ms: i64,
) -> Presentation {
    Presentation {
        liveness: Liveness::Live(Live {
            availability_start: 0,
            publish_time: to_ms,
            minimum_update_period: Some(Time::from_ms(1984)),
            time_shift_buffer_depth: Some(Time::from_secs(60)),
            suggested_presentation_delay: Some(Time::from_secs(6)),
            utc_timing: vec![
                UtcTiming {
                    scheme: "urn:mpeg:dash:utc:http-xsdate:2014".to_owned(),
                    value: "/time?iso&ms".to_owned(),
                },
                UtcTiming {
                    scheme: "urn:mpeg:dash:utc:direct:2014".to_owned(),
                    value: "1970-01-01T00:00:00Z".to_owned(),
                },
            ],
            low_latency: None,
            filling: false,
        }),
        addressing,
        periods: vec![Period {
            id: "P0".to_owned(),
            start: Time::ZERO,
            duration: None,
            shape: Arc::clone(shape),
            start_number: StartNumber::Fixed(0),
            timelines: timelines(shape, from_ms, to_ms, Time::ZERO),
            discontinuity_sequence: 0,
        }],
    }
}

/// A live window over the minutes 15 and 16, a period each, with a discontinuity between them.
pub(crate) fn two_periods(shape: &Arc<Shape>, addressing: Addressing) -> Presentation {
    let mut presentation = live(shape, addressing, 956_000, 976_000);
    let period = |minute: i64, from: i64, to: i64| Period {
        id: format!("P{minute}"),
        start: Time::from_secs(minute * 60),
        duration: None,
        shape: Arc::clone(shape),
        start_number: StartNumber::Fixed(minute as u64 * 30),
        timelines: timelines(shape, from, to, Time::from_secs(minute * 60)),
        discontinuity_sequence: minute as u64,
    };
    presentation.periods = vec![period(15, 940_000, 960_000), period(16, 960_000, 976_000)];
    presentation
}
