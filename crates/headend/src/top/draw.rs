//! A screen as a frame of a terminal: host, channels with their processes, the ladder and playlists
//! of the chosen channel, and what it says. Made for 80 columns and 24 lines or more.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Cell, Paragraph, Row, Table, TableState},
};

use super::{Sample, sample::Flow, screen::Screen};
use crate::{
    report::{
        channel::{ChannelReport, TrackReport},
        machine::MachineReport,
    },
    text,
};

/// Cells of a bar.
const BAR: usize = 16;

const HELP: &str = " q leave   ↑ ↓ channel   PgUp PgDn End log   p pause";

/// Draws.
pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen, colours: bool) {
    let paint = Paint { colours };
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let third = frame.area().height / 3;
    let tracks = screen.channel().map_or(0, |channel| channel.tracks.len());
    let [head, machine, channels, ladder, log, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(rows(screen.channels().len().max(1) + 3).min(third)),
        Constraint::Length(rows(tracks.max(1) + 3).min(third)),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title(screen), head);
    if let Some(sample) = &screen.now {
        frame.render_widget(paint.machine(&sample.server.machine), machine);
    }
    paint.channels(frame, channels, screen);
    paint.ladder(frame, ladder, screen.channel());
    paint.log(frame, log, screen);
    let foot_text = match (&screen.error, screen.paused) {
        (Some(error), _) => Line::styled(format!(" {error}"), paint.colour(Color::Red)),
        (None, true) => Line::styled(" paused; p goes on", paint.colour(Color::Yellow)),
        (None, false) => Line::raw(HELP),
    };
    frame.render_widget(foot_text, foot);
}

fn title(screen: &Screen) -> Line<'static> {
    let mut text = format!(" headend  {}", screen.address);
    if let Some(sample) = &screen.now {
        let server = &sample.server;
        text = format!(
            " headend {}  {}  up {}  {} connections  {} assets",
            server.version,
            screen.address,
            text::clock(server.uptime_ms),
            server.connections.open,
            server.assets,
        );
        let rate = screen.before.as_ref();
        if let Some(rate) = rate.and_then(|before| sample.request_rate(before)) {
            text.push_str(&format!("  {rate} req/s"));
        }
    }
    Line::styled(text, Style::new().add_modifier(Modifier::REVERSED))
        .patch_style(Style::new().add_modifier(Modifier::BOLD))
}

/// How things look.
#[derive(Clone, Copy)]
struct Paint {
    colours: bool,
}

impl Paint {
    fn colour(self, colour: Color) -> Style {
        if self.colours {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    fn state(self, state: &str) -> Style {
        match state {
            "running" => self.colour(Color::Green),
            "failed" => self.colour(Color::Red),
            "idle" | "stopped" => self.colour(Color::DarkGray),
            _ => self.colour(Color::Yellow),
        }
    }

    fn machine(self, machine: &MachineReport) -> Paragraph<'static> {
        let bar = |name: &'static str, percent: Option<u64>, rest: String| {
            let percent = percent.unwrap_or(0).min(100);
            let full = BAR * percent as usize / 100;
            let colour = if percent < 90 {
                Color::Green
            } else {
                Color::Red
            };
            Line::from(vec![
                Span::raw(format!(" {name} ")),
                Span::styled("█".repeat(full), self.colour(colour)),
                Span::raw("░".repeat(BAR - full)),
                Span::raw(rest),
            ])
        };
        let cpu = machine.cpu_percent.map(u64::from);
        let mut cpu_text = format!(
            " {:>4} of {} threads",
            percent(machine.cpu_percent),
            machine.parallelism
        );
        if let Some(load) = machine.load {
            let [one, five, fifteen] = load.map(|load| text::permille(load * 10));
            cpu_text.push_str(&format!("   load {one} {five} {fifteen}"));
        }
        if let Some(permille) = machine.throttled_permille {
            cpu_text.push_str(&format!("   throttled {} %", permille / 10));
        }
        let used = machine
            .memory
            .zip(machine.available_memory)
            .map(|(all, free)| (all.saturating_sub(free), all));
        let share = used.map(|(used, all)| used.saturating_mul(100) / all.max(1));
        let mut memory_text = used.map_or_else(
            || "  n/a".to_owned(),
            |(used, all)| format!(" {} of {}", text::bytes(used), text::bytes(all)),
        );
        memory_text.push_str(&format!(
            "   headend itself {}, {}",
            percent(machine.own_cpu_percent),
            machine
                .own_memory
                .map_or_else(|| "n/a".to_owned(), text::bytes),
        ));
        Paragraph::new(vec![
            bar("CPU", cpu, cpu_text),
            bar("Mem", share, memory_text),
        ])
    }

    fn channels(self, frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
        let block = Block::bordered().title(" Channels ");
        if screen.channels().is_empty() {
            let text = if screen.now.is_some() {
                "no channels"
            } else {
                "waiting for the server"
            };
            frame.render_widget(Paragraph::new(text).block(block), area);
            return;
        }
        let rows = screen.channels().iter().map(|channel| {
            let flow = flow(screen, channel);
            let [name, state, rest @ ..] = columns(channel, flow);
            let state = Cell::new(state).style(self.state(&channel.state));
            Row::new(
                [Cell::new(name), state]
                    .into_iter()
                    .chain(rest.map(Cell::new)),
            )
        });
        let widths = [
            Constraint::Min(8),
            Constraint::Length(10),
            Constraint::Length(8),
            Constraint::Length(4),
            Constraint::Length(5),
            Constraint::Length(5),
            Constraint::Length(5),
            Constraint::Length(6),
            Constraint::Length(6),
            Constraint::Length(7),
        ];
        let table = Table::new(rows, widths)
            .header(Row::new(CHANNEL_COLUMNS).style(self.colour(Color::DarkGray)))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
            .block(block);
        let mut state = TableState::new().with_selected(screen.position());
        frame.render_stateful_widget(table, area, &mut state);
    }

    fn ladder(self, frame: &mut Frame<'_>, area: Rect, channel: Option<&ChannelReport>) {
        let Some(channel) = channel else {
            frame.render_widget(Block::bordered().title(" Ladder and playlists "), area);
            return;
        };
        let title = format!(
            " Ladder and playlists: {}  segment {}  part {}  hold-back {} ",
            channel.name,
            text::span(channel.timing.segment_ms),
            text::span(channel.timing.part_ms),
            text::span(channel.timing.hold_back_ms),
        );
        let widths = [
            Constraint::Length(9),
            Constraint::Min(16),
            Constraint::Length(10),
            Constraint::Length(12),
            Constraint::Length(11),
            Constraint::Length(6),
            Constraint::Length(6),
        ];
        let table = Table::new(
            channel
                .tracks
                .iter()
                .map(|track| Row::new(track_columns(track))),
            widths,
        )
        .header(Row::new(TRACK_COLUMNS).style(self.colour(Color::DarkGray)))
        .block(Block::bordered().title(title));
        frame.render_widget(table, area);
    }

    fn log(self, frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
        let block = Block::bordered().title(" Log ");
        let Some(channel) = screen.channel() else {
            frame.render_widget(block, area);
            return;
        };
        let mut lines: Vec<Line<'_>> = Vec::new();
        for wrong in channel.reason.iter().chain(&channel.alarms) {
            lines.push(Line::styled(wrong.as_str(), self.colour(Color::Yellow)));
        }
        let room = usize::from(block.inner(area).height).saturating_sub(lines.len());
        let end = channel.log.len().saturating_sub(screen.back).max(room);
        let end = end.min(channel.log.len());
        let shown = &channel.log[end.saturating_sub(room)..end];
        lines.extend(shown.iter().map(|line| Line::raw(line.as_str())));
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }
}

/// What is told of each channel.
pub(super) const CHANNEL_COLUMNS: [&str; 10] = [
    "channel", "state", "for", "run", "speed", "fps", "CPU", "memory", "read/s", "write/s",
];

/// What is told of each track.
pub(super) const TRACK_COLUMNS: [&str; 7] = [
    "track", "format", "bit rate", "codec", "newest", "listed", "lag",
];

/// Returns what is told of a channel.
pub(super) fn columns(channel: &ChannelReport, flow: Flow) -> [String; 10] {
    let usage = channel.usage.as_ref();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let or_unknown = |rate: Option<u64>| rate.map_or_else(|| "n/a".to_owned(), text::bytes);
    let next = channel
        .next_start_ms
        .map(|ms| format!("-{}", text::clock(ms)));
    [
        channel.name.clone(),
        channel.state.clone(),
        next.unwrap_or_else(|| text::clock(channel.state_ms)),
        channel.run.to_string(),
        or_none(channel.encoder.speed_permille.map(text::permille)),
        or_none(
            channel
                .encoder
                .fps_permille
                .map(|fps| (fps / 1000).to_string()),
        ),
        or_none(usage.map(|usage| percent(usage.cpu_percent))),
        or_none(usage.map(|usage| text::bytes(usage.memory))),
        or_unknown(flow.read),
        or_unknown(flow.write),
    ]
}

/// Returns what is told of a track.
pub(super) fn track_columns(track: &TrackReport) -> [String; 7] {
    [
        track.id.clone(),
        track.format.clone(),
        track.bandwidth_text(),
        track.codecs.clone(),
        track.edge_text(),
        track.segments.to_string(),
        track.lag_ms.map_or_else(|| "-".to_owned(), text::span),
    ]
}

/// Returns what a channel reads and writes, once there are two samples.
fn flow(screen: &Screen, channel: &ChannelReport) -> Flow {
    let samples: Option<(&Sample, &Sample)> = screen.now.as_ref().zip(screen.before.as_ref());
    samples.map_or_else(Flow::default, |(now, before)| now.flow(before, channel))
}

/// Writes hundredths of a processor.
pub(super) fn percent(percent: Option<u32>) -> String {
    percent.map_or_else(|| "n/a".to_owned(), |percent| format!("{percent} %"))
}
