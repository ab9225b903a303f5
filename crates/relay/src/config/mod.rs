//! Feeds and streams as a configuration has them, and what they come to: checked, with defaults,
//! templates expanded and commands split. Knows neither files nor the format they are written in.
