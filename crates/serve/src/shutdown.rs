//! The wish to stop, passed down to everything that runs.

use std::sync::Arc;

use tokio::sync::watch;

/// A switch that is turned once. Clones share it; waiting costs nothing until then.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// Makes a switch that is not turned.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Turns the switch; once more does nothing.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Tells whether the switch is turned.
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the switch is turned; returns at once when it is. Safe to cancel.
    pub async fn wait(&self) {
        let mut turned = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = turned.wait_for(|turned| *turned).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    #[test]
    fn waiters_go_on_when_any_clone_triggers() {
        let shutdown = Shutdown::new();
        let other = shutdown.clone();
        let mut cx = Context::from_waker(Waker::noop());
        let mut waiting = pin!(shutdown.wait());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        assert!(!shutdown.is_triggered());
        other.trigger();
        other.trigger();
        assert!(waiting.as_mut().poll(&mut cx).is_ready());
        assert!(shutdown.is_triggered());
        assert!(pin!(shutdown.wait()).poll(&mut cx).is_ready());
    }
}
