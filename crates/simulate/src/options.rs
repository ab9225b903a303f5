//! The options in the path of a simulated channel: `/tsbd_30/segtimeline_1/<asset>/…`.
//!
//! A path is split at `/`; every leading part that is `<key>_<value>` with a known key is an
//! option, the first other part begins the asset. The order is free and the last duplicate wins,
//! but the two timeline modes exclude each other. What an option means and takes is in [`table`].

pub mod suggest;
pub mod table;

use media::presentation::Addressing;

use table::Action;

/// What a channel is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Availability start and media time zero, seconds since the Unix epoch.
    pub start: i64,
    /// Depth of the time-shift window in seconds.
    pub window: u32,
    /// Minimum update period in seconds, when not left to the asset.
    pub update_period: Option<u32>,
    /// Number of the segment at media time zero; `None` announces none, which means 1.
    pub start_number: Option<u32>,
    /// How the MPD addresses segments.
    pub addressing: Addressing,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            start: 0,
            window: 60,
            update_period: None,
            start_number: Some(0),
            addressing: Addressing::Number,
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
        Ok(options)
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
            }
        );
        assert_eq!(
            options,
            parse("segtimelinenr_1/mup_4/tsbd_30/ast_980/snr_5/a/b/x.mpd").unwrap()
        );
        assert_eq!(parse("a/b/x.mpd").unwrap(), Options::default());
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
