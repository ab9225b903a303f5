//! Over real HTTP: a small server shows a right channel and thirteen with a planted fault, and all are
//! followed at the same time.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use url::Url;

use super::{
    fake::{Fake, Fault},
    sim::ids,
};
use crate::watch::{End, Event, HttpFetch, Method, Options, Request, Violation, watch};

/// So long all channels are followed.
const WATCHED: Duration = Duration::from_secs(9);

/// What is planted, by folder, and a rule that must be found broken.
const PLANTED: [(&str, Fault, &str, &str); 13] = [
    ("part", Fault::PartTooLong, "master.m3u8", "L2-longest"),
    (
        "segment",
        Fault::SegmentTooLong,
        "master.m3u8",
        "L7-longest",
    ),
    (
        "hold",
        Fault::HoldBackShort,
        "master.m3u8",
        "L9-part-hold-back",
    ),
    ("hint", Fault::HintRefused, "master.m3u8", "L10-answered"),
    ("report", Fault::ReportWrong, "master.m3u8", "L11-true"),
    ("date", Fault::DateJumps, "master.m3u8", "L14-steps"),
    ("alone", Fault::PartAloneAnswered, "master.m3u8", "D2-alone"),
    ("skip", Fault::SkipTooMuch, "master.m3u8", "D6-skip"),
    ("cors", Fault::NoCors, "master.m3u8", "H1-cors"),
    (
        "independent",
        Fault::NotIndependent,
        "master.m3u8",
        "L3-independent",
    ),
    ("hole", Fault::DecodeHole, "master.m3u8", "L16-hole"),
    ("clock", Fault::ClockWrong, "manifest.mpd", "M3-accurate"),
    ("latency", Fault::NoLatency, "manifest.mpd", "M4-latency"),
];

/// A clock that is right enough: it only has to agree with itself.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> i64 {
        1_790_000_040_000 + self.0.elapsed().as_millis() as i64
    }
}

fn serve(listener: TcpListener, channels: BTreeMap<String, Fake>, clock: Clock) {
    let channels = Arc::new(channels);
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        let channels = Arc::clone(&channels);
        // Threads end with the test: each serves one request.
        thread::spawn(move || answer(stream, &channels, clock));
    }
}

fn answer(mut stream: TcpStream, channels: &BTreeMap<String, Fake>, clock: Clock) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let line = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let mut words = line.split(' ');
    let method = match words.next()? {
        "HEAD" => Method::Head,
        _ => Method::Get,
    };
    let url = Url::parse("http://fake").ok()?.join(words.next()?).ok()?;
    let channel = channels.get(url.path_segments()?.next()?)?;
    // Only segments that are being made are waited for, and only by who follows an MPD.
    let request = Request {
        id: 0,
        url,
        method,
        range: None,
        timeout: Duration::from_secs(10),
        waits: true,
    };
    let served = channel.serve(&request, clock.now());
    let wait = |until: i64| {
        let ms = u64::try_from(until - clock.now()).unwrap_or(0);
        thread::sleep(Duration::from_millis(ms));
    };
    wait(served.first);
    let mut head = format!(
        "HTTP/1.1 {} x\r\nconnection: close\r\n",
        served.answer.status
    );
    for (name, value) in &served.answer.headers.0 {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = served.answer.body.len();
    if method == Method::Get {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    wait(served.done);
    stream.write_all(&served.answer.body).ok()
}

#[test]
fn a_right_channel_and_planted_faults_over_http() {
    let clock = Clock(Instant::now());
    let start = clock.now() - 40_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let mut channels = BTreeMap::new();
    let mut roots = Vec::new();
    let right = [
        ("right", Fault::None, "master.m3u8", ""),
        ("dash", Fault::None, "manifest.mpd", ""),
    ];
    for (name, fault, file, _) in right.iter().chain(&PLANTED) {
        let mut fake = Fake::new(start, Some((43_500, 45_000)), *fault);
        fake.fault_at = match fault {
            Fault::DateJumps | Fault::DecodeHole => 46_000,
            _ => 0,
        };
        channels.insert((*name).to_owned(), fake);
        roots.push(Url::parse(&format!("{host}/{name}/{file}")).unwrap());
    }
    thread::spawn(move || serve(listener, channels, clock));

    let options = Options {
        strict: true,
        // The machine of the test may be busy.
        slack: Duration::from_secs(2),
        ..Options::default()
    };
    let fetch = HttpFetch::new(None).unwrap();
    let mut found: BTreeMap<String, Vec<Violation>> = BTreeMap::new();
    let mut changes = 0;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let summary = runtime.block_on(watch(
        roots,
        &options,
        fetch,
        || clock.now(),
        async { tokio::time::sleep(WATCHED).await },
        |event| match event {
            Event::Violation(violation) => {
                let url = Url::parse(&violation.url).unwrap();
                let name = url.path_segments().unwrap().next().unwrap().to_owned();
                found.entry(name).or_default().push(violation);
            }
            Event::Changed { .. } => changes += 1,
            Event::Problem { .. } | Event::Status { .. } => {}
        },
    ));
    assert_eq!(summary.end, None);
    assert!(!summary.is_good() && summary.unread.is_empty());
    assert!(changes > 100, "{changes}");
    for name in ["right", "dash"] {
        assert_eq!(found.get(name), None, "{name}");
    }
    for (name, fault, _, rule) in PLANTED {
        let of_channel = found.remove(name).unwrap_or_default();
        assert!(ids(&of_channel).contains(rule), "{fault:?}: {of_channel:?}");
    }
}

#[test]
fn files_are_followed_like_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let list = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n0.ts\n#EXTINF:2,\n1.ts\n\
                #EXT-X-ENDLIST\n";
    std::fs::write(folder.path().join("list.m3u8"), list).unwrap();
    std::fs::write(folder.path().join("1.ts"), "x").unwrap();
    let sources = crate::watch::resolve(folder.path().to_str().unwrap()).unwrap();
    let fetch = HttpFetch::new(None).unwrap();
    let clock = Clock(Instant::now());
    let mut violations = Vec::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let summary = runtime.block_on(watch(
        sources,
        &Options::default(),
        fetch.clone(),
        || clock.now(),
        std::future::pending(),
        |event| {
            if let Event::Violation(violation) = event {
                violations.push(violation.what);
            }
        },
    ));
    assert_eq!(summary.end, Some(End::Ended));
    assert_eq!(violations, ["the oldest listed segment was answered 404"]);

    let missing = Url::from_file_path(folder.path().join("none.mpd")).unwrap();
    let once = Options {
        once: true,
        ..Options::default()
    };
    let stop = std::future::pending();
    let now = || clock.now();
    let summary = runtime.block_on(watch(vec![missing], &once, fetch, now, stop, |_| {}));
    assert!(matches!(summary.end, Some(End::Failed { .. })) && !summary.is_good());
    assert_eq!(summary.unread.len(), 1);
}
