//! Followers on a made-up channel: in made-up time ([`sim`]) and over real HTTP ([`server`]).

mod fake;
mod follower;
mod made;
mod planted;
mod rules;
mod server;
mod sim;
mod views;
