use process::Spawner;

use super::*;

fn reason_of(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    reason(&lines)
}

#[test]
fn the_reason_is_what_ffprobe_says() {
    for (lines, expected) in [
        (
            vec![
                "[tcp @ 0x1] Connection to tcp://h:1 failed: Connection refused",
                "rtmp://h/a: Connection refused",
            ],
            "Connection to tcp://h:1 failed: Connection refused (Connection refused)",
        ),
        (
            vec![
                "[rtmp @ 0x2] Server error: Stream not found",
                "rtmp://h/a/***: Operation not permitted",
            ],
            "Server error: Stream not found (Operation not permitted)",
        ),
        (
            vec!["file:x.mp4: No such file or directory"],
            "No such file or directory",
        ),
        (vec![], "it cannot be read, and ffprobe says nothing"),
    ] {
        assert_eq!(reason_of(&lines), expected);
    }
}

#[test]
fn a_report_of_ffprobe_becomes_a_summary() {
    let json = r#"{
        "packets": [
            {"stream_index": 1, "pts": 0, "size": "9000", "flags": "K__"},
            {"stream_index": 1, "pts": 90000, "size": "9000", "flags": "K__"}
        ],
        "streams": [
            {"index": 0, "codec_name": "mjpeg", "codec_type": "video", "width": 9, "height": 9,
             "disposition": {"attached_pic": 1}},
            {"index": 1, "codec_name": "h264", "profile": "High", "codec_type": "video",
             "width": 720, "height": 576, "sample_aspect_ratio": "64:45", "field_order": "tt",
             "r_frame_rate": "50/1", "avg_frame_rate": "25/1", "time_base": "1/90000",
             "start_pts": 126000, "has_b_frames": 2},
            {"index": 2, "codec_name": "mp2", "codec_type": "audio", "sample_rate": "48000",
             "channels": 2, "time_base": "1/90000", "start_pts": 127800, "bit_rate": "192000",
             "tags": {"language": "deu"}},
            {"index": 3, "codec_name": "scte_35", "codec_type": "data"}
        ],
        "format": {"format_name": "mpegts"}
    }"#;
    let probe = process::probe::read(json.as_bytes()).unwrap();
    let summary = summarized(&probe, &Seen::read(json.as_bytes()));
    assert_eq!(summary.skew_ms(), Some(20));
    let video = summary.video.unwrap();
    assert_eq!(
        (video.ordinal, video.interlaced, video.reordered),
        (1, true, true)
    );
    assert_eq!(video.rate.to_string(), "25");
    assert_eq!(video.shown(), Size::new(1024, 576));
    assert_eq!(video.key_distance, Some(media::time::Time::from_secs(1)));
    assert_eq!(video.bit_rate, Some(BitRate(144_000)));
    assert_eq!(summary.audio[0].language.as_deref(), Some("de"));
}

fn look(uris: &[&str], limit: Duration) -> Result<Summary, Vec<Error>> {
    let ffmpeg = Ffmpeg::locate(Spawner::direct().unwrap()).expect("these tests need ffmpeg");
    let inputs: Vec<(Input, Source)> = uris
        .iter()
        .map(|uri| (Input::default(), crate::input::parse_uri(uri).unwrap()))
        .collect();
    inspect(&ffmpeg, &inputs, limit)
}

#[test]
fn inputs_are_looked_into_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ts");
    let ffmpeg = Ffmpeg::locate(Spawner::direct().unwrap()).expect("these tests need ffmpeg");
    let arguments = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=3 -f lavfi -i \
                     sine=duration=3 -c:v libx264 -preset ultrafast -g 25 -c:a aac \
                     -metadata:s:a:0 language=fra";
    let command = ffmpeg
        .command()
        .args(arguments.split_whitespace())
        .arg(&path);
    ffmpeg.spawner().run(command).unwrap();
    let summary = look(&[path.to_str().unwrap(), "testsrc"], LIMIT).unwrap();
    let video = summary.video.unwrap();
    assert_eq!(
        (video.size, video.rate.to_string().as_str()),
        (Size::new(320, 180), "25")
    );
    assert_eq!(video.key_distance, Some(media::time::Time::from_secs(1)));
    assert!(!video.assumed && !video.rate_varies);
    let inputs: Vec<usize> = summary.audio.iter().map(|audio| audio.input).collect();
    assert_eq!(inputs, [0, 1]);
    assert_eq!(summary.audio[0].language.as_deref(), Some("fr"));
}

#[test]
fn a_dead_host_is_named_with_the_reason() {
    // Nobody listens on the port: it was just given back.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let errors = look(
        &[
            &format!("rtmp://u:SECRET@127.0.0.1:{port}/app/SECRET"),
            "/nonexistent/film.mp4",
        ],
        LIMIT,
    )
    .unwrap_err();
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(texts[0].contains("Connection refused"), "{texts:?}");
    assert!(texts[1].contains("No such file"), "{texts:?}");
    assert!(!texts.concat().contains("SECRET"), "{texts:?}");
}

#[test]
fn silence_has_an_end() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let errors = look(&[&format!("udp://127.0.0.1:{port}?timeout=0.5")], LIMIT).unwrap_err();
    assert!(matches!(errors[0], Error::Silent { .. }), "{errors:?}");
    // A server that takes the connection and says nothing, within the hard limit.
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/a.ts#timeout=60");
    let errors = look(&[&url], Duration::from_secs(2)).unwrap_err();
    assert!(matches!(errors[0], Error::Silent { .. }), "{errors:?}");
}

#[test]
fn the_mode_decides_what_is_looked_into() {
    let ffmpeg = Ffmpeg::locate(Spawner::direct().unwrap()).expect("these tests need ffmpeg");
    let with = |uri: &str, mode| {
        let source = crate::input::parse_uri(uri).unwrap();
        survey(&ffmpeg, &[(Input::default(), source)], mode, LIMIT)
    };
    let summary = with("/nonexistent/film.mp4", ProbeMode::Off).unwrap();
    assert!(summary.video.unwrap().assumed);
    let errors = with("srt://0.0.0.0:9?mode=listener", ProbeMode::Require).unwrap_err();
    assert!(matches!(errors[0], Error::Unknowable { .. }), "{errors:?}");
    assert!(with("testsrc", ProbeMode::Require).is_ok());
}

#[test]
fn what_is_no_media_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    std::fs::write(&path, "subtitle, perhaps").unwrap();
    let errors = look(&[path.to_str().unwrap()], LIMIT).unwrap_err();
    let text = errors[0].to_string();
    assert!(
        text.contains("Invalid data") || text.contains("neither video"),
        "{text}"
    );
}
