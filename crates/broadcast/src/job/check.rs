//! What a type cannot say about a job: ranges, and values that must go together.

use super::{Job, Resources, Restart, Target, What};
use crate::{document::Fault, input::Take, ladder::is_language, units::Seconds};

impl Job {
    /// Lists everything that is wrong. Pointers begin at the root.
    pub fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        below("/job", self.what.check(), &mut faults);
        faults.extend(self.inputs().err().unwrap_or_default());
        let runtime = &self.runtime;
        below("/runtime/restart", restart(&runtime.restart), &mut faults);
        below(
            "/runtime/resources",
            resources(&runtime.resources),
            &mut faults,
        );
        for (index, it) in runtime.targets.iter().enumerate() {
            below(
                &format!("/runtime/targets/{index}"),
                target(it),
                &mut faults,
            );
        }
        for (index, it) in runtime.webhooks.iter().enumerate() {
            below(
                &format!("/runtime/webhooks/{index}"),
                it.check(),
                &mut faults,
            );
        }
        for (key, span, least, greatest) in [
            ("probe_timeout", runtime.probe_timeout, 1, 120),
            ("verify_timeout", runtime.verify_timeout, 1, 3_600),
            ("stall", runtime.stall, 1, 3_600),
        ] {
            within(
                &format!("/runtime/{key}"),
                span,
                least * 1000,
                greatest * 1000,
                &mut faults,
            );
        }
        if runtime.threads.count == Some(0) {
            faults.push(Fault::new(
                "/runtime/threads/count",
                "an encoder needs a thread",
            ));
        }
        faults
    }
}

fn below(parent: &str, found: Vec<Fault>, faults: &mut Vec<Fault>) {
    faults.extend(found.into_iter().map(|fault| fault.below(parent)));
}

fn within(pointer: &str, span: Seconds, least_ms: u64, greatest_ms: u64, faults: &mut Vec<Fault>) {
    let (least, greatest) = (Seconds::millis(least_ms), Seconds::millis(greatest_ms));
    if span < least || span > greatest {
        faults.push(Fault::new(
            pointer,
            format!("{span} is not between {least} and {greatest}"),
        ));
    }
}

impl What {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !is_name(&self.name) {
            faults.push(Fault::new(
                "/name",
                format!(
                    "`{}` is not a name of up to 64 letters, digits, `.`, `-` and `_` that begins \
                     with a letter or digit",
                    self.name
                ),
            ));
        }
        if self.inputs.is_empty() {
            faults.push(Fault::new(
                "/inputs",
                "a channel needs an input, such as `testsrc` or srt://0.0.0.0:9000?mode=listener",
            ));
        }
        self.check_inputs(&mut faults);
        below("/ladder", self.ladder.check(), &mut faults);
        below("/audio", self.audio.check(), &mut faults);
        self.check_timing(&mut faults);
        if let Some(name) = self.record.as_ref().and_then(|record| record.name.as_ref())
            && !name.split('/').all(is_name)
        {
            faults.push(Fault::new(
                "/record/name",
                format!("`{name}` is not the name of an asset"),
            ));
        }
        faults
    }

    fn check_inputs(&self, faults: &mut Vec<Fault>) {
        let mut video: Option<usize> = None;
        for (index, input) in self.inputs.iter().enumerate() {
            if let Some(language) = &input.language
                && !is_language(language)
            {
                faults.push(Fault::new(
                    format!("/inputs/{index}/language"),
                    format!("`{language}` is not a language tag, such as en or de-AT"),
                ));
            }
            if let Some(expect) = &input.expect
                && !(16..=8192).contains(&expect.size.width.min(expect.size.height))
            {
                faults.push(Fault::new(
                    format!("/inputs/{index}/expect/size"),
                    format!("{} is not between 16x16 and 8192x8192", expect.size),
                ));
            }
            if input.take == Take::Audio {
                continue;
            }
            match video {
                None => video = Some(index),
                Some(first) => faults.push(Fault::new(
                    format!("/inputs/{index}/take"),
                    format!("video comes from input {first} already; of this one take `audio`"),
                )),
            }
        }
    }

    fn check_timing(&self, faults: &mut Vec<Fault>) {
        let timing = self.timing();
        within("/segment", timing.segment, 500, 30_000, faults);
        within("/gop", timing.gop, 200, 10_000, faults);
        within("/dvr", self.dvr, 0, 7 * 86_400_000, faults);
        let gop = timing.gop.0.as_nanos();
        if gop > 0 && !timing.segment.0.as_nanos().is_multiple_of(gop) {
            faults.push(Fault::new(
                "/gop",
                format!(
                    "{} does not divide the segment, {}: every segment begins with a key frame",
                    timing.gop, timing.segment
                ),
            ));
        }
        if let Some(part) = timing.part {
            within("/part", part, 100, 5_000, faults);
            if part > timing.segment {
                faults.push(Fault::new(
                    "/part",
                    format!("{part} is longer than a segment, {}", timing.segment),
                ));
            }
        }
        // A live playlist is never shorter than three segments (rfc8216bis, 6.2.2).
        let least = Seconds(timing.segment.0 * 3);
        if self.dvr < least {
            faults.push(Fault::new(
                "/dvr",
                format!("{} is less than three segments, {least}", self.dvr),
            ));
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let starts_well = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    starts_well && text.len() <= 64 && text.bytes().all(plain)
}

fn restart(restart: &Restart) -> Vec<Fault> {
    let mut faults = Vec::new();
    within("/delay", restart.delay, 0, 3_600_000, &mut faults);
    within("/max_delay", restart.max_delay, 0, 86_400_000, &mut faults);
    within(
        "/reset_after",
        restart.reset_after,
        0,
        86_400_000,
        &mut faults,
    );
    if restart.max_delay < restart.delay {
        faults.push(Fault::new(
            "/max_delay",
            format!(
                "{} is less than the first delay, {}",
                restart.max_delay, restart.delay
            ),
        ));
    }
    if !(1..=10).contains(&restart.factor) {
        faults.push(Fault::new(
            "/factor",
            format!("{} is not between 1 and 10", restart.factor),
        ));
    }
    if restart.jitter.0 > 100 {
        faults.push(Fault::new(
            "/jitter",
            format!("{} is more than 100%", restart.jitter),
        ));
    }
    faults
}

fn resources(resources: &Resources) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut number = |pointer: &str, value: Option<i32>, least: i32, greatest: i32| {
        if let Some(value) = value
            && !(least..=greatest).contains(&value)
        {
            faults.push(Fault::new(
                pointer,
                format!("{value} is not between {least} and {greatest}"),
            ));
        }
    };
    number("/nice", resources.nice, -20, 19);
    number("/oom_score_adj", resources.oom_score_adj, -1000, 1000);
    for (index, processor) in resources.cpu_affinity.iter().enumerate() {
        if *processor >= 4096 {
            faults.push(Fault::new(
                format!("/cpu_affinity/{index}"),
                format!("there is no processor {processor}"),
            ));
        }
    }
    if resources.cpu_limit.is_some_and(|limit| limit.0 == 0) {
        faults.push(Fault::new(
            "/cpu_limit",
            "a child cannot run on no processor time",
        ));
    }
    if resources.mem_limit.is_some_and(|limit| limit.0 < 16 << 20) {
        faults.push(Fault::new("/mem_limit", "ffmpeg needs at least 16MiB"));
    }
    within("/wait", resources.wait, 0, 3_600_000, &mut faults);
    faults
}

fn target(target: &Target) -> Vec<Fault> {
    let mut faults = Vec::new();
    let scheme = target.uri.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        _ if target.uri.is_empty() => {
            faults.push(Fault::new("/uri", "a target needs a URI or a path"));
        }
        None | Some("file" | "http" | "https") => {}
        Some(other) => faults.push(
            Fault::new("/uri", format!("unknown kind of target `{other}://`"))
                .allowing(other, ["file", "http", "https"]),
        ),
    }
    if !(1..=100_000).contains(&target.queue) {
        faults.push(Fault::new("/queue", "a queue holds 1 to 100000 objects"));
    }
    if !(1..=100).contains(&target.tries) {
        faults.push(Fault::new("/tries", "an object is tried 1 to 100 times"));
    }
    faults
}
