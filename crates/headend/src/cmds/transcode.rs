//! `headend transcode`: VoD jobs in the foreground.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use anyhow::Context as _;
use process::{Ffmpeg, Spawner};
use store::uri::Uri;
use tokio::runtime;
use transcode::{
    engine::{Clock as EngineClock, Embedded},
    events::Event,
    fetch::Policy,
    job::{Fault, JobReport, JobState, Jobs, Keeper, Request, Setup},
    plan::{self, AudioPick, Scheme, VideoCodec},
    preset,
};

use crate::{
    clock::Clock,
    config::Settings,
    content::OWN_BINARY,
    exit::Exit,
    logging,
    signals::Signals,
    term, text,
    transcoding::{Error, Place, display::Display, presets, worker_name},
};

mod input;
mod protection;

use input::Fetching;
use protection::Protection;

/// Makes HLS and DASH of media files, chunk by chunk, and goes on where it was
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Media files, or http(s), ftp and s3 URIs of some
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// The folder or s3://bucket/prefix that assets are put into
    #[arg(long, env = "HEADEND_TO", value_name = "URI", value_parser = Uri::parse)]
    to: Uri,
    /// Name of the asset [default: the file name without its extension]
    #[arg(long, env = "HEADEND_NAME", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    protection: Protection,
    #[command(flatten)]
    fetching: Fetching,
    #[command(flatten)]
    how: How,
}

/// What is wanted.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct Wanted {
    /// Renditions by name, or a file with a preset: `apple`, `django`, `small`, `audio`
    /// [default: apple]
    #[arg(long, env = "HEADEND_PRESET", value_name = "NAME|FILE")]
    preset: Option<String>,
    /// Video codec of all renditions [default: as the preset says]
    #[arg(long, env = "HEADEND_CODEC", value_name = "CODEC")]
    codec: Option<Codec>,
    /// Speed of encoders by x264's names, such as `veryfast`
    #[arg(long, env = "HEADEND_SPEED", value_name = "SPEED")]
    speed: Option<String>,
    /// Quality of all renditions: a rate factor, less is better
    #[arg(long, env = "HEADEND_CRF", value_name = "CRF")]
    crf: Option<u32>,
    /// Choose rungs and qualities by samples of the film
    #[arg(long, env = "HEADEND_PER_TITLE")]
    per_title: bool,
    /// Length of segments in seconds [default: 6]
    #[arg(long, env = "HEADEND_SEGMENT_SECONDS", value_name = "S")]
    segment_seconds: Option<u32>,
    /// Length of chunks, which are encoded independently, in seconds [default: 60]
    #[arg(long, env = "HEADEND_CHUNK_SECONDS", value_name = "S")]
    chunk_seconds: Option<u32>,
    /// Audio tracks that are taken [default: all]
    #[arg(long, env = "HEADEND_AUDIO", value_name = "WHICH")]
    audio: Option<Audio>,
    /// Make no stereo track beside surround
    #[arg(long, env = "HEADEND_NO_DOWNMIX")]
    no_downmix: bool,
    /// Take no subtitles
    #[arg(long, env = "HEADEND_NO_SUBTITLES")]
    no_subtitles: bool,
    /// Make no pictures to seek by
    #[arg(long, env = "HEADEND_NO_THUMBNAILS")]
    no_thumbnails: bool,
    /// Let the asset be played over HLS while it is made, as soon as all tracks have N segments
    /// [default of N: 2]
    #[arg(
        long,
        env = "HEADEND_EARLY_PUBLISH",
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2"
    )]
    early_publish: Option<NonZeroU32>,
}

/// How it is done.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Work")]
struct How {
    /// Where work lies that lets a job go on after an end of any kind [default: `.headend` below
    /// `--to`]
    #[arg(long, env = "HEADEND_WORK", value_name = "URI", value_parser = Uri::parse)]
    work: Option<Uri>,
    /// Encoder threads at one time [default: as many as there are processors]
    #[arg(long, env = "HEADEND_THREADS", value_name = "N")]
    threads: Option<u32>,
    /// Threads of each encoder; changes the result, if ever so slightly [default: 1]
    #[arg(long, env = "HEADEND_ENCODER_THREADS", value_name = "N")]
    encoder_threads: Option<u32>,
    /// Who hands out the work: `embedded` is this process alone [default: embedded]
    #[arg(long, env = "HEADEND_ENGINE", value_name = "ENGINE")]
    engine: Option<EngineKind>,
    /// How long an encoder may show no progress until it is ended and tried again
    #[arg(
        long,
        env = "HEADEND_STALL_SECONDS",
        value_name = "S",
        default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    stall_seconds: u32,
    /// Print every event as a line of JSON
    #[arg(long, env = "HEADEND_JSON")]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum EngineKind {
    /// This process alone.
    Embedded,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Codec {
    /// H.264.
    H264,
    /// H.265.
    H265,
    /// AV1.
    Av1,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Audio {
    /// All tracks.
    All,
    /// The default track.
    First,
    /// None.
    None,
}

/// How long what is nearly done may go on after a request to stop.
const GRACE: Duration = Duration::from_secs(8);

/// How often the jobs are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Events that wait to be shown. What comes too fast for a terminal is not shown.
const QUEUE: usize = 4096;

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    if args.inputs.len() > 1 {
        let reason = match (&args.name, &args.fetching.checksum) {
            (Some(_), _) => Some("`--name` names one asset, and there are several inputs"),
            (_, Some(_)) => Some("`--checksum` is that of one input, and there are several"),
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(Error::Usage(reason.to_owned()).into());
        }
    }
    match args.how.engine {
        None | Some(EngineKind::Embedded) => {}
    }
    let mut options = args.wanted.options(args.how.encoder_threads)?;
    options.encryption = args.protection.encryption()?;
    let fetch = args.fetching.options()?;
    let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
    let settings = Settings::default();
    let place = Place::open(&args.to, args.how.work.as_ref(), &settings.state_dir)?;
    let requests: Vec<Request> = args
        .inputs
        .iter()
        .map(|input| request(input, &args, &place, &options))
        .collect::<anyhow::Result<_>>()?;
    let mut locks = Vec::new();
    for request in &requests {
        let id = request.id().map_err(Error::Usage)?;
        locks.push(place.lock(&id)?);
    }
    let (sender, events) = mpsc::sync_channel(QUEUE);
    let clock: EngineClock = Arc::new(|| Clock::SYSTEM.now_ms());
    let engine = Embedded::open(None, Arc::clone(&clock)).map_err(anyhow::Error::new)?;
    let jobs = Jobs::start(Setup {
        engine: Arc::new(engine),
        work: place.work.clone(),
        prefix: place.prefix.clone(),
        target: place.target.clone(),
        local: place.local.clone(),
        ffmpeg,
        fetch,
        keys: Policy::open(),
        keeper: Keeper::Command,
        worker: worker_name(),
        threads: args.how.threads,
        patience: Duration::from_secs(args.how.stall_seconds.into()),
        clock,
        sink: Arc::new(move |event| {
            let _ = sender.try_send(event.clone());
        }),
    })
    .map_err(Error::Job)?;
    follow(&jobs, requests, &events, args.how.json)
}

fn request(
    input: &str,
    args: &Args,
    place: &Place,
    options: &plan::Options,
) -> anyhow::Result<Request> {
    // A path means the same wherever the job goes on.
    let input = match Uri::parse(input) {
        Ok(Uri::Path(path)) => std::path::absolute(&path)
            .with_context(|| format!("`{}`", path.display()))?
            .to_str()
            .ok_or_else(|| Error::Usage(format!("`{}` is not UTF-8", path.display())))?
            .to_owned(),
        _ => input.to_owned(),
    };
    Ok(Request {
        input,
        to: place.name.clone(),
        name: args.name.clone(),
        priority: 0,
        options: options.clone(),
        key_file: args.protection.key_file()?,
        checksum: args.fetching.checksum.clone(),
        early_publish: args.wanted.early_publish,
    })
}

impl Wanted {
    fn options(&self, threads: Option<u32>) -> Result<plan::Options, Error> {
        let mut options = plan::Options {
            codec: self.codec.map(|codec| match codec {
                Codec::H264 => VideoCodec::H264,
                Codec::H265 => VideoCodec::H265,
                Codec::Av1 => VideoCodec::Av1,
            }),
            speed: self.speed.clone(),
            crf_tenths: self.crf.map(|crf| crf.saturating_mul(10)),
            segment_ms: self.segment_seconds.map(|s| s.saturating_mul(1000)),
            chunk_ms: self.chunk_seconds.map(|s| s.saturating_mul(1000)),
            per_title: self.per_title,
            downmix: !self.no_downmix,
            subtitles: !self.no_subtitles,
            thumbnails: !self.no_thumbnails,
            audio: match self.audio {
                None | Some(Audio::All) => AudioPick::All,
                Some(Audio::First) => AudioPick::First,
                Some(Audio::None) => AudioPick::None,
            },
            ..plan::Options::default()
        };
        if let Some(name) = &self.preset {
            options.preset = presets::find(name)?;
        }
        if let Some(threads) = threads {
            options.threads = threads;
        }
        if let Some(speed) = self.speed.as_ref().filter(|speed| !preset::is_speed(speed)) {
            return Err(Error::Usage(format!("`{speed}` is no speed of x264")));
        }
        Ok(options)
    }
}

/// Takes the requests in and shows them until all are over or the process is to stop.
fn follow(
    jobs: &Jobs,
    requests: Vec<Request>,
    events: &Receiver<Event>,
    json: bool,
) -> anyhow::Result<Exit> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let mut display = Display::new(json);
    let mut ids = Vec::new();
    for request in requests {
        ids.push(jobs.submit(request).map_err(Error::Job)?);
    }
    let mut stops = 0_u8;
    let ended = loop {
        let is_over = is_over(jobs, &ids)?;
        while let Some(event) = next(events)? {
            display.show(&event)?;
        }
        if is_over {
            break true;
        }
        let signalled =
            runtime.block_on(async { tokio::time::timeout(LOOK, signals.next()).await.is_ok() });
        if signalled {
            stops = stops.saturating_add(1);
            jobs.stop(if stops == 1 { GRACE } else { Duration::ZERO });
            if stops == 1 {
                display.clear();
                term::say("stopping; the job goes on where it was when it is asked for again");
            }
        }
        if stops > 0 && jobs.is_ended() {
            break false;
        }
    };
    display.clear();
    let reports: Vec<JobReport> = ids
        .iter()
        .map(|id| jobs.get(id))
        .collect::<Result<_, _>>()
        .map_err(Error::Job)?;
    if !ended {
        return Ok(Exit::Done);
    }
    finish(&reports, json)
}

fn is_over(jobs: &Jobs, ids: &[String]) -> Result<bool, Error> {
    for id in ids {
        if !jobs.get(id)?.state.is_final() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the next event that is there already.
fn next(events: &Receiver<Event>) -> anyhow::Result<Option<Event>> {
    match events.recv_timeout(Duration::ZERO) {
        Ok(event) => Ok(Some(event)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the jobs are gone"),
    }
}

/// Prints results, and fails with the first job that failed.
fn finish(reports: &[JobReport], json: bool) -> anyhow::Result<Exit> {
    if !json {
        for report in reports.iter().filter(|it| it.state == JobState::Done) {
            term::print(&result_text(report))?;
        }
    }
    let Some(failed) = reports.iter().find(|it| it.state != JobState::Done) else {
        return Ok(Exit::Done);
    };
    Err(Error::Failed {
        name: failed.name.clone(),
        reason: failed
            .reason
            .clone()
            .unwrap_or_else(|| "cancelled".to_owned()),
        fault: failed.failure.unwrap_or(Fault::Other),
    }
    .into())
}

/// Says what came of a job, and where it can be played from.
fn result_text(report: &JobReport) -> String {
    let version = report.version.as_deref().unwrap_or_default();
    let length = report.duration_ms.map(text::clock).unwrap_or_default();
    let place = format!(
        "{}/{}/{version}",
        report.request.to.trim_end_matches('/'),
        report.name
    );
    let mut result = format!(
        "{}: {length}, {}, {}\n{place}/{}\n",
        report.name,
        text::bytes(report.bytes),
        report.renditions.join(", "),
        transcode::package::MASTER,
    );
    let encryption = report.request.options.encryption.as_ref();
    if encryption.is_none_or(|it| it.scheme != Scheme::Aes128) {
        result.push_str(&format!("{place}/{}\n", transcode::package::MPD));
    }
    if report.damaged > 0 {
        let count = report.damaged;
        result.push_str(&format!(
            "{count} damaged frames of the source were concealed\n"
        ));
    }
    result
}
