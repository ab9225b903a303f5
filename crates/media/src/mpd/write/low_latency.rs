//! What low latency adds to an MPD outside of its SegmentTemplates: the wished latency
//! (ServiceDescription, ISO/IEC 23009-1, annex K) and the wall time of the media that it is counted
//! from (ProducerReferenceTime, 5.12).

use super::{attribute, instant_attribute, number_attribute, push_clock, push_indent};
use crate::{
    presentation::{Live, Period},
    time::{Round, Time},
};

/// Name of the element with the wished latency; one of the source gives way to ours.
pub(super) const SERVICE: &str = "ServiceDescription";
/// What `Latency@referenceId` and `ProducerReferenceTime@id` have in common.
const REFERENCE: u64 = 0;

/// The wished latency.
pub(super) struct Service {
    target_ms: u64,
    max_ms: Option<u64>,
}

impl Service {
    /// Returns it for presentations that have one.
    pub(super) fn of(live: &Live) -> Option<Self> {
        let low_latency = live.low_latency?;
        let ms = |time: Time| u64::try_from(time.ms(Round::Nearest)).unwrap_or(0);
        Some(Self {
            target_ms: ms(low_latency.latency_target?),
            max_ms: low_latency.latency_max.map(ms),
        })
    }

    /// Writes it. Players may go as near as three quarters of the target.
    pub(super) fn push(&self, out: &mut String) {
        let target = self.target_ms;
        out.push_str("  <ServiceDescription");
        number_attribute(out, "id", 0);
        out.push_str(">\n    <Latency");
        number_attribute(out, "referenceId", REFERENCE);
        number_attribute(out, "target", target);
        if let Some(max) = self.max_ms {
            number_attribute(out, "max", max);
        }
        number_attribute(out, "min", target / 4 * 3 + target % 4 * 3 / 4);
        out.push_str("/>\n    <PlaybackRate");
        attribute(out, "max", "1.04");
        attribute(out, "min", "0.96");
        out.push_str("/>\n  </ServiceDescription>\n");
    }
}

/// The wall time at which a period was made.
#[derive(Clone, Copy)]
pub(super) struct Reference<'a> {
    live: &'a Live,
    wall_ms: i64,
    host: &'a str,
}

impl<'a> Reference<'a> {
    /// Returns it for presentations that wish for a latency. The encoder makes media time and wall
    /// time run side by side from the availability start.
    pub(super) fn of(live: &'a Live, period: &Period, host: &'a str) -> Option<Self> {
        live.low_latency?.latency_target?;
        let start = period.start.ms(Round::Nearest);
        let wall_ms = live.availability_start.saturating_add(start);
        Some(Self {
            live,
            wall_ms,
            host,
        })
    }

    /// Writes it for a set whose media has `presentation_time`, in ticks of its SegmentTemplate, at
    /// the start of the period.
    pub(super) fn push(&self, out: &mut String, presentation_time: u64) {
        push_indent(out, 3);
        out.push_str("<ProducerReferenceTime");
        number_attribute(out, "id", REFERENCE);
        attribute(out, "type", "encoder");
        instant_attribute(out, "wallClockTime", self.wall_ms);
        number_attribute(out, "presentationTime", presentation_time);
        let Some(clock) = self.live.utc_timing.first() else {
            out.push_str("/>\n");
            return;
        };
        out.push_str(">\n");
        push_clock(out, clock, self.host, 4);
        push_indent(out, 3);
        out.push_str("</ProducerReferenceTime>\n");
    }
}

#[cfg(test)]
mod tests;
