//! The engine's server and load generator in one process, over 127.0.0.1.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod identities;
mod load;
mod modes;
mod serve;
mod sessions;
