use std::{fmt::Write, net::UdpSocket};

use proptest::prelude::*;

use super::*;
use crate::document::Document;

fn facilities() -> Facilities {
    Facilities {
        font: Some(PathBuf::from("/fonts/Mono.ttf")),
    }
}

fn arguments(source: &Source) -> String {
    let facilities = facilities();
    let context = Context {
        facilities: &facilities,
        feed: PathBuf::from("/run/in0"),
    };
    let texts: Vec<String> = source
        .arguments(&context)
        .into_iter()
        .map(|it| it.value)
        .collect();
    texts.join(" ")
}

fn faults(uri: &str) -> String {
    let faults = parse_uri(uri).unwrap_err();
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

#[test]
fn uris_become_arguments() {
    let mut out = String::new();
    for uri in [
        "testsrc",
        "testsrc?size=640x360&rate=25&sound=off&clock=no",
        "films/a b.mkv",
        "file:///srv/a%20b.mp4?loop=false&realtime=false",
        "rtmp://h/app/key",
        "rtmp://0.0.0.0:1935/live/secret",
        "rtmp://h:1935/app/key?token=abc#timeout=4",
        "rtmp://h/app/key#mode=listen",
        "srt://h:9000?mode=caller&latency=200&passphrase=0123456789&streamid=publish:x",
        "srt://0.0.0.0:9000?mode=listener",
        "udp://239.1.1.1:5000?localaddr=10.0.0.1&buffer_size=16MiB",
        "udp://@:5000",
        "udp://127.0.0.1:5000?timeout=2.5&overrun_nonfatal=false&fifo_size=1000",
        "rtp://127.0.0.1:5004",
        "rtsp://u:p@cam/1#transport=udp&timeout=3",
        "https://h/live/a.m3u8?session=7",
        "http://h/a.mp4#realtime=true",
        "sh:ffmpeg -re -i x -f mpegts -",
    ] {
        match parse_uri(uri) {
            Ok(source) => writeln!(out, "{uri}\n    {}", arguments(&source)).unwrap(),
            Err(faults) => writeln!(out, "{uri}\n    {faults:?}").unwrap(),
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn wrong_uris_say_why() {
    for (uri, part) in [
        ("", "needs a URI"),
        (
            "sctp://h:1",
            "unknown kind of input `sctp://`; did you mean `srt`?",
        ),
        ("srt://h", "does not end in a port"),
        (
            "srt://h:9000?latncy=5",
            "unknown key `latncy`; did you mean `latency`?",
        ),
        (
            "srt://h:9000?mode=listenr",
            "unknown name `listenr`; did you mean `listener`?",
        ),
        ("srt://h:9000?passphrase=short", "10 to 79 characters"),
        (
            "srt://h:9000?latency=fast",
            "expected a time in milliseconds",
        ),
        ("udp://h:99999", "port from 1 to 65535"),
        (
            "udp://239.0.0.1:5000?timeout=5000000",
            "from 0.1 to 3600 seconds",
        ),
        (
            "udp://239.0.0.1:5000?fifo_size=many",
            "fifo_size: expected a whole number",
        ),
        ("udp://239.0.0.1:5000?localaddr=eth0", "not an IP address"),
        ("rtsp://", "not a URL rtsp://"),
        ("testsrc?size=1x1", "between 16x16"),
        ("sh: ", "empty"),
    ] {
        let found = faults(uri);
        assert!(found.contains(part), "{uri}: {found}");
    }
    // Two at once.
    assert_eq!(
        faults("srt://h:9000?a=1&b=2")
            .matches("unknown key")
            .count(),
        2
    );
}

#[test]
fn job_files_have_the_same_options() {
    let text = "
udp: { address: '239.0.0.1:5000', buffer_size: 4MiB, timeout: 2 }
take: video
";
    let (input, found) = Document::parse(text).unwrap().read::<Input>();
    assert_eq!(found, []);
    assert_eq!(
        arguments(&input.source().unwrap()),
        "-f mpegts -i udp://239.0.0.1:5000?buffer_size=4194304&fifo_size=50000&overrun_nonfatal=1\
         &timeout=2000000"
    );
}

#[test]
fn an_input_is_of_one_kind() {
    for (text, part) in [
        ("{}", "needs a `uri` or one of the kinds"),
        (
            "{ uri: testsrc, udp: { address: '1.1.1.1:1' } }",
            "this is uri and udp",
        ),
        ("{ srt: {} }", "/srt/address: `` is not HOST:PORT"),
        (
            "{ command: {} }",
            "/command/argv: a command needs a program",
        ),
        ("{ uri: 'srt://h:1?x=1' }", "/uri: unknown key `x`"),
    ] {
        let (input, found) = Document::parse(text).unwrap().read::<Input>();
        assert_eq!(found, [], "{text}");
        let found: Vec<String> = input
            .source()
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(found.join(";").contains(part), "{text}: {found:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    for uri in [
        "rtmp://u:SECRET@h/app/SECRET",
        "rtmp://h/app/SECRET?token=SECRET",
        "srt://h:1?passphrase=SECRETSECRET&streamid=SECRET",
        "rtsp://u:SECRET@h/1",
        "https://h/a?token=SECRET",
    ] {
        let source = parse_uri(uri).unwrap();
        let facilities = Facilities::default();
        let context = Context {
            facilities: &facilities,
            feed: PathBuf::new(),
        };
        for argument in source.arguments(&context) {
            assert!(
                !argument.masked().contains("SECRET"),
                "{uri}: {}",
                argument.masked()
            );
        }
        assert!(
            !source.title().contains("SECRET"),
            "{uri}: {}",
            source.title()
        );
    }
}

#[test]
fn what_cannot_be_probed_is_assumed() {
    let input = Input::of_text("testsrc?size=640x360&rate=25");
    let source = input.source().unwrap();
    assert!(!source.can_be_probed());
    let summary = input.assumed(&source, 3);
    let video = summary.video.unwrap();
    assert_eq!(
        (video.size, video.input, video.assumed),
        (Size::new(640, 360), 3, false)
    );
    let input = Input {
        language: Some("deu".to_owned()),
        take: Take::Audio,
        ..Input::of_text("rtmp://0.0.0.0/live/key")
    };
    let source = input.source().unwrap();
    assert!(!source.can_be_probed());
    let summary = input.assumed(&source, 1);
    assert_eq!(summary.video, None);
    assert_eq!(summary.audio[0].language.as_deref(), Some("de"));
}

#[test]
fn ports_are_given_out_in_order() {
    let mut sources: Vec<Source> = [
        "srt://0.0.0.0?mode=listener",
        "testsrc",
        "udp://0.0.0.0:0",
        "udp://[::1]",
    ]
    .iter()
    .map(|uri| parse_uri(uri).unwrap())
    .collect();
    assert_eq!(
        assign_ports(&mut sources, Some(20_000)).unwrap(),
        [(0, 20_000), (2, 20_001), (3, 20_002)]
    );
    assert_eq!(sources[3].title(), "udp://[::1]:20002");
}

#[test]
fn a_taken_port_is_found() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let source = parse_uri(&format!("udp://127.0.0.1:{port}")).unwrap();
    let error = check_ports(std::slice::from_ref(&source)).unwrap_err();
    assert_eq!((error.input, error.port), (0, port));
    drop(taken);
    let mut sources = [parse_uri("udp://127.0.0.1:0").unwrap()];
    let given = assign_ports(&mut sources, Some(0)).unwrap();
    assert!(given[0].1 > 0);
}

/// R38: less receive buffer than was asked for is told with the name of the setting.
#[test]
fn a_small_receive_buffer_is_told() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("proc/sys/net/core");
    std::fs::create_dir_all(&folder).unwrap();
    let source = parse_uri("udp://239.0.0.1:5000").unwrap();
    assert_eq!(source.warning(root.path()), None);
    std::fs::write(folder.join("rmem_max"), "212992\n").unwrap();
    let warning = source.warning(root.path()).unwrap();
    assert!(warning.contains("208KiB instead of 8MiB"), "{warning}");
    assert!(warning.contains("net.core.rmem_max=8388608"), "{warning}");
    std::fs::write(folder.join("rmem_max"), "16777216\n").unwrap();
    assert_eq!(source.warning(root.path()), None);
}

#[test]
fn a_command_is_an_argument_of_the_shell_and_never_its_text() {
    let command = CommandSource {
        argv: vec!["cat".to_owned(), "$(reboot) '\"".to_owned()],
        ..CommandSource::default()
    };
    let feeder = Source::Command(command)
        .feeder(Path::new("/run/in 0"))
        .unwrap();
    let texts: Vec<&str> = feeder
        .arguments
        .iter()
        .map(|it| it.value.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "-c",
            "exec \"$@\" >\"$0\"",
            "/run/in 0",
            "cat",
            "$(reboot) '\""
        ]
    );
}

proptest! {
    #[test]
    fn any_uri_is_survived(uri in "(srt|udp|rtmp|file|testsrc|http)?(://|:|\\?)?[-a-z0-9.:@\\[\\]/?&=#%$ ]{0,40}") {
        if let Ok(source) = parse_uri(&uri) {
            let _ = source.title();
            let _ = source.claim();
            let _ = arguments(&source);
        }
    }
}
