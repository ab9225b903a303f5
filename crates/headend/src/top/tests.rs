use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};

use super::{
    draw,
    sample::{Connections, Server},
    screen::{Screen, Wish},
    *,
};
use crate::report::{
    channel::{ChannelReport, Channels, Encoder, Timing, TrackReport, Usage},
    machine::MachineReport,
};

fn track(id: &str, kind: &str, format: &str, codecs: &str, bandwidth: u64) -> TrackReport {
    TrackReport {
        id: id.to_owned(),
        kind: kind.to_owned(),
        format: format.to_owned(),
        codecs: codecs.to_owned(),
        bandwidth,
        segment: 1042,
        parts: 3,
        segments: 150,
        packaged: 900,
        gaps: 0,
        lag_ms: Some(41),
    }
}

fn channel(name: &str) -> ChannelReport {
    ChannelReport {
        name: name.to_owned(),
        state: "running".to_owned(),
        state_ms: 754_000,
        wish: "run".to_owned(),
        inputs: vec!["testsrc 1280x720 at 30".to_owned()],
        run: 2,
        restarts: 1,
        timing: Timing {
            segment_ms: 2000,
            part_ms: 501,
            hold_back_ms: 1503,
            window_ms: 300_000,
        },
        encoder: Encoder {
            fps_permille: Some(30_010),
            speed_permille: Some(1001),
            frames: Some(22_620),
            dropped: Some(0),
            duplicated: Some(1),
        },
        usage: Some(Usage {
            cpu_ms: 90_000,
            cpu_percent: Some(87),
            memory: 190 << 20,
            read_bytes: Some(1 << 20),
            write_bytes: Some(0),
            processes: 1,
        }),
        tracks: vec![
            track(
                "v720",
                "video",
                "1280x720, 30 fps",
                "avc1.64001f",
                2_450_000,
            ),
            track("v360", "video", "640x360, 30 fps", "avc1.64001e", 536_000),
            track("a1-en", "audio", "48000 Hz, stereo", "mp4a.40.2", 136_000),
        ],
        log: (1..=12).map(|number| format!("line {number}")).collect(),
        ..ChannelReport::default()
    }
}

fn sample() -> Sample {
    let backoff = ChannelReport {
        name: "news".to_owned(),
        state: "backoff".to_owned(),
        reason: Some("ffmpeg exited with code 1: Connection refused".to_owned()),
        run: 7,
        restarts: 6,
        next_start_ms: Some(12_000),
        ..ChannelReport::default()
    };
    Sample {
        server: Server {
            version: "0.1.0".to_owned(),
            uptime_ms: 3_723_000,
            connections: Connections { open: 12 },
            requests: 4000,
            assets: 3,
            machine: MachineReport {
                parallelism: 2,
                cpu_percent: Some(45),
                load: Some([52, 104, 1200]),
                memory: Some(8 << 30),
                available_memory: Some(5 << 30),
                own_cpu_percent: Some(3),
                own_memory: Some(45 << 20),
                throttled_ms: Some(100),
                throttled_permille: Some(21),
            },
        },
        channels: Channels {
            channels: vec![channel("main"), backoff],
        },
    }
}

/// The sample a second later.
fn later() -> Sample {
    let mut sample = sample();
    sample.server.uptime_ms += 1000;
    sample.server.requests += 250;
    if let Some(usage) = &mut sample.channels.channels[0].usage {
        usage.read_bytes = Some(3 << 20);
    }
    sample
}

fn screen() -> Screen {
    let mut screen = Screen::new("127.0.0.1:8080".to_owned());
    screen.take(Ok(sample()));
    screen.take(Ok(later()));
    screen
}

fn frame(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| draw::draw(frame, screen, false))
        .unwrap();
    terminal.backend().to_string()
}

fn press(screen: &mut Screen, code: KeyCode) -> Wish {
    screen.key(KeyEvent::new(code, KeyModifiers::NONE))
}

#[test]
fn a_small_terminal_shows_all_of_it() {
    insta::assert_snapshot!("frame-80x24", frame(&screen(), 80, 24));
}

#[test]
fn the_chosen_channel_is_the_one_whose_ladder_and_log_are_shown() {
    let mut screen = screen();
    press(&mut screen, KeyCode::Down);
    assert_eq!(screen.channel().unwrap().name, "news");
    insta::assert_snapshot!("frame-100x30-news", frame(&screen, 100, 30));
    press(&mut screen, KeyCode::Down);
    assert_eq!(screen.channel().unwrap().name, "main");
    press(&mut screen, KeyCode::Up);
    assert_eq!(screen.channel().unwrap().name, "news");
    // A channel that is gone is not chosen any more.
    let mut without = sample();
    without.channels.channels.truncate(1);
    screen.take(Ok(without));
    assert_eq!(screen.channel().unwrap().name, "main");
}

#[test]
fn before_the_first_answer_and_after_a_lost_server_there_is_a_frame() {
    let mut screen = Screen::new("127.0.0.1:1".to_owned());
    insta::assert_snapshot!("frame-waiting", frame(&screen, 80, 24));
    screen.take(Err(anyhow::anyhow!("connection refused")));
    assert!(frame(&screen, 80, 24).contains("connection refused"));
    screen.take(Ok(Sample::default()));
    assert!(frame(&screen, 80, 24).contains("no channels"));
}

#[test]
fn no_size_is_too_small() {
    for (width, height) in [(1, 1), (10, 3), (20, 8), (79, 10), (300, 100)] {
        frame(&screen(), width, height);
    }
}

#[test]
fn keys_leave_pause_and_move_the_log() {
    let mut screen = screen();
    assert!(frame(&screen, 80, 24).contains("line 12"));
    press(&mut screen, KeyCode::PageUp);
    let moved = frame(&screen, 80, 24);
    assert!(
        !moved.contains("line 12") && moved.contains("line 1 "),
        "{moved}"
    );
    press(&mut screen, KeyCode::End);
    press(&mut screen, KeyCode::Char('p'));
    screen.take(Ok(Sample::default()));
    assert!(screen.paused && screen.channel().is_some());
    assert_eq!(press(&mut screen, KeyCode::Char('q')), Wish::Leave);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.key(interrupt), Wish::Leave);
}

#[test]
fn without_a_terminal_it_is_text() {
    insta::assert_snapshot!("plain", text("127.0.0.1:8080", &sample(), &later()));
}
