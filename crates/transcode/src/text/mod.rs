//! Subtitles as WebVTT.
