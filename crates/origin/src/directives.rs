//! HLS delivery directives in the query of a media playlist (RFC 8216bis, 6.2.5).

use media::supply::Refusal;

/// What a client asks for beside the playlist. Other keys, `_HLS_…` ones too, mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// `_HLS_msn`: the media sequence number that is to be in the list.
    pub(crate) msn: Option<u64>,
    /// `_HLS_part`: the part of that segment that is to be in the list; only with `msn`.
    pub(crate) part: Option<u64>,
    /// `_HLS_skip`: whether a delta update will do.
    pub(crate) skip: bool,
}

impl Directives {
    /// Reads a query; of duplicates the last counts. Refuses numbers that are none, and a part
    /// without its segment.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let mut found = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "_HLS_msn" => found.msn = Some(number(key, value)?),
                "_HLS_part" => found.part = Some(number(key, value)?),
                "_HLS_skip" => found.skip = matches!(value, "YES" | "v2"),
                _ => {}
            }
        }
        if found.part.is_some() && found.msn.is_none() {
            return Err(Refusal::Bad(
                "Query `_HLS_part` says nothing without `_HLS_msn`.".to_owned(),
            ));
        }
        Ok(found)
    }
}

fn number(key: &str, value: &str) -> Result<u64, Refusal> {
    Some(value)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            Refusal::Bad(format!(
                "Query `{key}={value}` is not a whole number that fits into 64 bits."
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(msn: Option<u64>, part: Option<u64>, skip: bool) -> Directives {
        Directives { msn, part, skip }
    }

    #[test]
    fn directives_are_read() {
        for (query, expected) in [
            (None, of(None, None, false)),
            (Some(""), of(None, None, false)),
            (Some("_HLS_msn=7"), of(Some(7), None, false)),
            (
                Some("a=b&_HLS_part=2&_HLS_msn=7"),
                of(Some(7), Some(2), false),
            ),
            (Some("_HLS_msn=7&_HLS_msn=8"), of(Some(8), None, false)),
            (Some("_HLS_skip=YES"), of(None, None, true)),
            (Some("_HLS_skip=v2"), of(None, None, true)),
        ] {
            assert_eq!(Directives::parse(query), Ok(expected), "{query:?}");
        }
    }

    #[test]
    fn d2_a_part_alone_and_what_is_no_number_are_bad() {
        for query in [
            "_HLS_part=1",
            "_HLS_msn=",
            "_HLS_msn",
            "_HLS_msn=-1",
            "_HLS_msn=+1",
            "_HLS_msn=1.5",
            "_HLS_msn=x",
            "_HLS_msn=18446744073709551616",
            "_HLS_msn=1&_HLS_part=x",
        ] {
            let refused = Directives::parse(Some(query));
            assert!(matches!(refused, Err(Refusal::Bad(_))), "{query}");
        }
    }

    #[test]
    fn d7_unknown_directives_change_nothing() {
        for query in [
            "_HLS_push=1",
            "_HLS_report=x&_HLS_",
            "_hls_msn=x",
            "_HLS_skip=NO",
        ] {
            assert_eq!(
                Directives::parse(Some(query)),
                Ok(Directives::default()),
                "{query}"
            );
        }
    }
}
