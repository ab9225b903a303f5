//! The ladder: which renditions are made of a source, and how each is encoded.
//!
//! | module | what |
//! |---|---|
//! | `options` | how a job asks for rungs and sound |
//! | `table` | named rungs and named ladders |
//! | `cadence` | frame rates and key-frame grids that all rungs share |
//! | `level` | the H.264 level that a rung needs |
//! | `sound` | the audio tracks |
//! | [`parts`] | whether a part target fits every track |
//!
//! [`plan`] is pure: a summary of the source and the wishes in, a [`Plan`] or all reasons why there
//! is none out. Making ffmpeg arguments of it is the work of `encode`.

mod cadence;
mod level;
mod options;
pub mod parts;
mod plan;
mod sound;
mod table;

pub use level::Level;
pub use media::language::short as short_language;
pub(crate) use options::is_language;
pub use options::{
    AudioCodec, AudioLayout, AudioOptions, AudioPick, H264Profile, Ladder, MissingAudio, Preset,
    Profile, RungChoice, RungOptions, Tune,
};
pub use plan::{
    AudioTrack, Coding, H264, Picture, Plan, Problem, Selector, Sound, Spec, VideoTrack, plan,
};
pub use table::{Listing, Rung, list};

#[cfg(test)]
mod tests;
