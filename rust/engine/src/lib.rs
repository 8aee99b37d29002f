//! TLS jobs on Rustls, without Python: connect, relay, serve, load and bench.
//!
//! A job gets plain data (a spec), a socket, a time limit and an [`Interrupt`], does all of its work in one call, and gives plain
//! data back. No rustls type leaves this crate.

#![deny(unsafe_code)]

mod conn;
mod error;
mod local;
mod provider;
mod wait;

#[allow(unsafe_code)]
mod sys;

pub use error::{ChainFault, ERROR_CODES, Error};
pub use local::{LocalBench, LocalFigures, LocalInfo, LocalScenario, LocalSpec};
pub use wait::{Interrupt, Never, TimeLimit};

pub type Result<T> = std::result::Result<T, Error>;
