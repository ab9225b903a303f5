//! The options in the path of a simulated channel: `/tsbd_30/segtimeline_1/<asset>/…`.
//!
//! A path is split at `/`; every leading part that is `<key>_<value>` with a known key is an
//! option, the first other part begins the asset. The order is free and the last duplicate wins,
//! but the two timeline modes exclude each other. What an option means and takes is in [`table`].

pub mod suggest;
pub mod table;

use media::{
    presentation::{Addressing, AvailabilityOffset},
    time::{Round, Time, Timescale},
};

use table::Action;

/// Latency that is wished for where segments are announced ahead of their end, ms.
const LATENCY_TARGET_MS: i64 = 3500;
const MICROSECONDS: Timescale = Timescale::literal(1_000_000);

/// What a channel is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Availability start and media time zero, seconds since the Unix epoch.
    pub start: i64,
    /// Depth of the time-shift window in seconds.
    pub window: u32,
    /// Minimum update period in seconds, when not left to the asset.
    pub update_period: Option<u32>,
    /// Suggested presentation delay in seconds, when one is to be announced.
    pub presentation_delay: Option<u32>,
    /// Number of the segment at media time zero; `None` announces none, which means 1.
    pub start_number: Option<u32>,
    /// How the MPD addresses segments.
    pub addressing: Addressing,
    /// How far ahead of their end segments may be asked for, when they may.
    pub availability_offset: Option<AvailabilityOffset>,
    /// Duration of the chunks that segments are delivered in, above 0; whole segments without one.
    pub chunk: Option<Time>,
    /// The wished latency in milliseconds, when not left to [`Options::latency_target`].
    pub latency_target: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            start: 0,
            window: 60,
            update_period: None,
            presentation_delay: None,
            start_number: Some(0),
            addressing: Addressing::Number,
            availability_offset: None,
            chunk: None,
            latency_target: None,
        }
    }
}

impl Options {
    /// Returns the number of the segment at media time zero.
    pub fn first_number(&self) -> u64 {
        u64::from(self.start_number.unwrap_or(1))
    }

    /// Returns the availability start in Unix milliseconds.
    pub fn start_ms(&self) -> i64 {
        self.start.saturating_mul(1000)
    }

    /// Returns the wished latency: as asked for, else where segments are announced ahead of their end
    /// 3.5 s, or as much less as chunks allow. A player that is two and a half chunks behind what
    /// it may ask for can do so; `segment` is the mean duration of a segment.
    pub fn latency_target(&self, segment: Time) -> Option<Time> {
        if let Some(target) = self.latency_target {
            return Some(Time::from_ms(i64::from(target)));
        }
        let usual = Time::from_ms(LATENCY_TARGET_MS);
        let offset = self.availability_offset?;
        let Some(chunk) = self.chunk else {
            return Some(usual);
        };
        let us = |time: Time| time.ticks_in(MICROSECONDS, Round::Up);
        let ahead = match offset {
            AvailabilityOffset::Ahead(ahead) => us(ahead),
            AvailabilityOffset::Infinite => i64::MAX,
        };
        let newest = us(segment).saturating_sub(ahead).max(us(chunk));
        let target = newest.saturating_add(us(chunk).saturating_mul(5) / 2);
        Some(Time::from_ms(target / 1000).min(usual))
    }

    /// Reads the parts of a path that are options, see [`option_parts`].
    pub fn parse<'p>(parts: impl IntoIterator<Item = &'p str>) -> Result<Self, OptionError> {
        let mut options = Self::default();
        for part in parts {
            let fail = |reason: String| OptionError {
                option: part.to_owned(),
                reason,
            };
            let Some((key, value)) = part.split_once('_') else {
                return Err(fail("an option is written `<key>_<value>`".to_owned()));
            };
            match table::find(key).map(|row| row.action) {
                Some(Action::Apply(apply)) => apply(&mut options, value).map_err(fail)?,
                Some(Action::Planned) => {
                    return Err(fail(format!(
                        "option `{key}_` is known but not supported yet"
                    )));
                }
                None => return Err(fail(format!("`{key}_` is not an option"))),
            }
        }
        options.check()?;
        Ok(options)
    }

    /// Refuses options that contradict each other.
    fn check(&self) -> Result<(), OptionError> {
        let endless = self.availability_offset == Some(AvailabilityOffset::Infinite);
        if endless && self.addressing != Addressing::Number {
            return Err(OptionError {
                option: "ato_inf".to_owned(),
                reason: "a timeline cannot list all segments to come; without `segtimeline_` and \
                         `segtimelinenr_` it works"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

/// An option that cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad option `{option}`: {reason}")]
pub struct OptionError {
    /// The part of the path.
    pub option: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// Finds where the options of a path may end.
///
/// Returns the byte offsets at which the asset may begin: the first is 0, the last stands behind
/// all leading parts with the key of an option. The last is the right one unless the name of an
/// asset looks like an option.
pub fn asset_offsets(path: &str) -> Vec<usize> {
    let mut offsets = vec![0];
    let mut at = 0;
    while let Some(length) = path[at..].find('/') {
        let part = &path[at..at + length];
        let known = part
            .split_once('_')
            .is_some_and(|(key, _)| table::find(key).is_some());
        if !known {
            break;
        }
        at += length + 1;
        offsets.push(at);
    }
    offsets
}

/// Returns the option parts of a path whose asset begins at `offset`.
pub fn option_parts(path: &str, offset: usize) -> impl Iterator<Item = &str> {
    path.get(..offset).unwrap_or_default().split_terminator('/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(path: &str) -> Result<Options, OptionError> {
        let offset = *asset_offsets(path).last().unwrap();
        Options::parse(option_parts(path, offset))
    }

    #[test]
    fn options_are_read_in_any_order() {
        let options = parse("snr_5/start_980/tsbd_30/mup_4/segtimelinenr_1/a/b/x.mpd").unwrap();
        assert_eq!(
            options,
            Options {
                start: 980,
                window: 30,
                update_period: Some(4),
                start_number: Some(5),
                addressing: Addressing::TimelineNumber,
                ..Options::default()
            }
        );
        assert_eq!(
            options,
            parse("segtimelinenr_1/mup_4/tsbd_30/ast_980/snr_5/a/b/x.mpd").unwrap()
        );
        assert_eq!(parse("a/b/x.mpd").unwrap(), Options::default());
    }

    #[test]
    fn low_latency_is_read_exactly() {
        let ahead = |us| {
            let scale = Timescale::literal(1_000_000);
            Some(AvailabilityOffset::Ahead(Time::new(us, scale)))
        };
        for (options, offset, chunk_us, target_ms) in [
            (
                "ato_1.75/chunkdur_0.25",
                ahead(1_750_000),
                Some(250_000),
                Some(875),
            ),
            (
                "ato_1.5/chunkdur_0.5",
                ahead(1_500_000),
                Some(500_000),
                Some(1750),
            ),
            (
                "ato_0.5/chunkdur_0.5",
                ahead(500_000),
                Some(500_000),
                Some(2750),
            ),
            (
                "ato_0.5/chunkdur_1",
                ahead(500_000),
                Some(1_000_000),
                Some(3500),
            ),
            (
                "ato_inf/chunkdur_0.5",
                Some(AvailabilityOffset::Infinite),
                Some(500_000),
                Some(1750),
            ),
            ("ato_2", ahead(2_000_000), None, Some(3500)),
            ("ato_.5/ltgt_2500", ahead(500_000), None, Some(2500)),
            ("ato_0.000001", ahead(1), None, Some(3500)),
            ("ato_0/chunkdur_0", None, None, None),
            ("ato_0.0/chunkdur_1.001", None, Some(1_001_000), None),
            (
                "ato_inf/ltgt_0",
                Some(AvailabilityOffset::Infinite),
                None,
                Some(0),
            ),
            ("ltgt_4294967295", None, None, Some(4_294_967_295)),
        ] {
            let found = parse(&format!("{options}/a/x")).unwrap();
            assert_eq!(found.availability_offset, offset, "{options}");
            let chunk = found.chunk.map(|chunk| chunk.ticks);
            assert_eq!(chunk, chunk_us, "{options}");
            assert_eq!(
                found.latency_target(Time::from_secs(2)),
                target_ms.map(Time::from_ms),
                "{options}"
            );
        }
    }

    #[test]
    fn the_last_duplicate_wins() {
        assert_eq!(parse("tsbd_1/tsbd_2/a/x").unwrap().window, 2);
        assert_eq!(parse("start_1/ast_2/a/x").unwrap().start, 2);
        assert_eq!(
            parse("segtimeline_0/segtimeline_1/a/x").unwrap().addressing,
            Addressing::TimelineTime
        );
    }

    #[test]
    fn limits_are_inclusive() {
        for good in [
            "tsbd_0",
            "tsbd_172800",
            "mup_1",
            "snr_0",
            "snr_-1",
            "snr_4294967295",
            "start_0",
            "start_253370764800",
        ] {
            assert!(parse(&format!("{good}/a/x")).is_ok(), "{good}");
        }
        assert_eq!(parse("snr_-1/a/x").unwrap().first_number(), 1);
    }

    #[test]
    fn errors_name_the_option_and_what_it_takes() {
        for (option, part) in [
            ("start_abc", "whole seconds"),
            ("start_-1", "whole seconds"),
            ("start_253370764801", "whole seconds"),
            ("tsbd_-1", "0 to 172800"),
            ("tsbd_172801", "0 to 172800"),
            ("tsbd_", "0 to 172800"),
            ("mup_0", "from 1"),
            ("mup_x", "from 1"),
            ("snr_-2", "0 to 4294967295"),
            ("snr_4294967296", "0 to 4294967295"),
            ("segtimeline_pattern", "not supported yet"),
            ("segtimeline_1/segtimelinenr_1", "exclude each other"),
            ("segtimelinenr_1/segtimeline_1", "exclude each other"),
            ("periods_60", "known but not supported yet"),
            ("ato_-1", "`inf`"),
            ("ato_", "`inf`"),
            ("ato_.", "`inf`"),
            ("ato_1e3", "`inf`"),
            ("ato_0.1234567", "six digits"),
            ("ato_172800.1", "172800"),
            ("chunkdur_-0.5", "seconds"),
            ("chunkdur_inf", "seconds"),
            ("chunkdur_x", "seconds"),
            ("spd_-1", "whole seconds, from 0"),
            ("ltgt_-5", "milliseconds"),
            ("ltgt_1.5", "milliseconds"),
            ("segtimeline_1/ato_inf", "cannot list all"),
            ("segtimelinenr_1/ato_inf", "cannot list all"),
        ] {
            let error = parse(&format!("{option}/a/x")).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(option.ends_with(&error.option), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_begins_the_asset() {
        let path = "tsbd_5/testpic_2s/V300/1.m4s";
        assert_eq!(asset_offsets(path), [0, 7]);
        assert_eq!(
            asset_offsets("tsbd_5"),
            [0],
            "the last part is never an option"
        );
        assert_eq!(asset_offsets(""), [0]);
    }

    proptest! {
        #[test]
        fn no_path_makes_the_parser_panic(path in "\\PC{0,60}") {
            for offset in asset_offsets(&path) {
                let _ = Options::parse(option_parts(&path, offset));
            }
        }

        #[test]
        fn no_value_makes_the_parser_panic(key in 0..table::TABLE.len(), value in "\\PC{0,24}") {
            let path = format!("{}_{value}/a/x.mpd", table::TABLE[key].key);
            for offset in asset_offsets(&path) {
                let _ = Options::parse(option_parts(&path, offset));
            }
        }
    }
}
