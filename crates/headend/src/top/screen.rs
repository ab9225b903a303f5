//! What is shown and what is chosen. Pure: samples and keys in, what to draw out.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::Sample;
use crate::report::channel::ChannelReport;

/// Lines that a page of the log is moved by.
const PAGE: usize = 10;

/// State of the screens.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// Address of the server.
    pub(super) address: String,
    /// The newest sample.
    pub(super) now: Option<Sample>,
    /// The one before.
    pub(super) before: Option<Sample>,
    /// Why there is no newer one.
    pub(super) error: Option<String>,
    /// Whether samples are put aside.
    pub(super) paused: bool,
    /// Lines that the log is moved up from its end.
    pub(super) back: usize,
    /// Name of the chosen channel.
    chosen: Option<String>,
}

/// What a key wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To go on.
    Stay,
    /// To leave.
    Leave,
}

impl Screen {
    /// Begins without a sample.
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            ..Self::default()
        }
    }

    /// Takes an answer of the server, or why there is none.
    pub(super) fn take(&mut self, answer: anyhow::Result<Sample>) {
        if self.paused {
            return;
        }
        match answer {
            Ok(sample) => {
                self.before = self.now.replace(sample);
                self.error = None;
            }
            Err(error) => self.error = Some(format!("{error:#}")),
        }
    }

    /// Returns the channels.
    pub(super) fn channels(&self) -> &[ChannelReport] {
        self.now
            .as_ref()
            .map_or(&[], |sample| sample.channels.channels.as_slice())
    }

    /// Returns the position of the chosen channel: the first unless another one was chosen and is
    /// still there.
    pub(super) fn position(&self) -> Option<usize> {
        let channels = self.channels();
        let chosen = self.chosen.as_deref();
        let found = channels
            .iter()
            .position(|channel| Some(channel.name.as_str()) == chosen);
        found.or((!channels.is_empty()).then_some(0))
    }

    /// Returns the chosen channel.
    pub(super) fn channel(&self) -> Option<&ChannelReport> {
        self.channels().get(self.position()?)
    }

    /// Does what a key says.
    pub(super) fn key(&mut self, key: KeyEvent) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::Stay;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Wish::Leave,
            KeyCode::Char('q') | KeyCode::Esc => return Wish::Leave,
            KeyCode::Up | KeyCode::Char('k') => self.choose(-1),
            KeyCode::Down | KeyCode::Char('j') | KeyCode::Tab => self.choose(1),
            KeyCode::PageUp => self.back = self.back.saturating_add(PAGE),
            KeyCode::PageDown => self.back = self.back.saturating_sub(PAGE),
            KeyCode::End => self.back = 0,
            KeyCode::Char('p') => self.paused = !self.paused,
            _ => {}
        }
        let most = self.channel().map_or(0, |channel| channel.log.len());
        self.back = self.back.min(most);
        Wish::Stay
    }

    /// Chooses another channel; behind the last comes the first.
    fn choose(&mut self, step: isize) {
        let Some(position) = self.position() else {
            return;
        };
        let count = self.channels().len() as isize;
        let next = (position as isize + step).rem_euclid(count) as usize;
        self.chosen = self
            .channels()
            .get(next)
            .map(|channel| channel.name.clone());
        self.back = 0;
    }
}
