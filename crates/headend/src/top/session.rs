//! The loop of the full screen: samples each second, keys as they come, signals.
//!
//! The terminal is set back on the way out, whatever that is: a key, a signal, an error, a panic.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEvent},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::{self, MissedTickBehavior},
};

use super::{
    Remote, draw,
    screen::{Screen, Wish},
};

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How often the reader of keys looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// What happens at a terminal.
enum Touch {
    Key(KeyEvent),
    /// It has another size now.
    Resized,
}

/// Shows the screens until a key or a signal says to leave.
pub(crate) async fn run(remote: &Remote, colours: bool) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let left = Arc::new(AtomicBool::new(false));
    let (touches, mut touched) = mpsc::channel(64);
    let mut terminal = ratatui::try_init()?;
    let mut readers = JoinSet::new();
    let reader_left = Arc::clone(&left);
    readers.spawn_blocking(move || read(&touches, &reader_left));
    let shown = tokio::select! {
        shown = show(&mut terminal, remote, colours, &mut touched) => shown,
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    };
    left.store(true, Relaxed);
    ratatui::try_restore()?;
    readers.join_all().await;
    shown
}

async fn show(
    terminal: &mut DefaultTerminal,
    remote: &Remote,
    colours: bool,
    touched: &mut mpsc::Receiver<Touch>,
) -> anyhow::Result<()> {
    let mut screen = Screen::new(remote.address().to_string());
    let mut ticks = time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (answers, mut answered) = mpsc::channel(1);
    let mut asking = JoinSet::new();
    loop {
        terminal.draw(|frame| draw::draw(frame, &screen, colours))?;
        tokio::select! {
            _ = ticks.tick() => {
                while asking.try_join_next().is_some() {}
                // A server that is slow to answer is not asked twice.
                if asking.is_empty() {
                    let (remote, answers) = (remote.clone(), answers.clone());
                    asking.spawn(async move {
                        // Fails only when the screen is gone.
                        let _ = answers.send(remote.sample().await).await;
                    });
                }
            }
            Some(answer) = answered.recv() => screen.take(answer),
            touch = touched.recv() => match touch {
                Some(Touch::Key(key)) => if screen.key(key) == Wish::Leave {
                    return Ok(());
                },
                Some(Touch::Resized) => {}
                None => return Ok(()),
            },
        }
    }
}

/// Reads keys until told to leave or the terminal is gone.
fn read(touches: &mpsc::Sender<Touch>, left: &AtomicBool) {
    while !left.load(Relaxed) {
        let touch = match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => match event::read() {
                Ok(Event::Key(key)) => Touch::Key(key),
                Ok(Event::Resize(..)) => Touch::Resized,
                Ok(_) => continue,
                Err(_) => return,
            },
            Err(_) => return,
        };
        if touches.blocking_send(touch).is_err() {
            return;
        }
    }
}
