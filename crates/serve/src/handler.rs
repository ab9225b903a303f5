//! What a server calls for every request.

use crate::{Request, Response};

/// Answers requests. Implemented for every `Fn(Request) -> impl Future<Output = Response>`.
///
/// A panic in it becomes a 500; the connection and the server go on. What takes longer than about
/// 500 µs of CPU or blocks belongs on another thread.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. The body of the answer to `HEAD` is taken off by the server.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;
}

impl<F, Answer> Handler for F
where
    F: Fn(Request) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Response> + Send,
{
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        self(request)
    }
}
