//! Test harness: starts the binary, talks HTTP and WebDriver to it.
