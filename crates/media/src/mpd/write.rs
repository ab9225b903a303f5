//! The MPD writer.

use crate::presentation::Presentation;

/// Writes the MPD of a presentation. `host` is scheme and authority of the request
/// (`http://127.0.0.1:8080`); it is put before UTCTiming values that begin with `/`.
pub fn write(_presentation: &Presentation, _host: &str) -> String {
    String::new()
}
