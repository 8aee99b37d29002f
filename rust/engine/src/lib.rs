//! TLS jobs on Rustls, without Python: connect, relay, serve, load and bench.
//!
//! A job gets plain data (a spec), a socket, a time limit and an [`Interrupt`], does all of its work in one call, and gives plain
//! data back. No rustls type leaves this crate.

#![deny(unsafe_code)]

mod certs;
mod chain;
mod client;
mod conn;
mod dn;
mod error;
mod identity;
mod judge;
mod keylog;
mod load;
mod pem;
mod provider;
mod server;
mod time;
mod trust;
mod verifier;
mod wait;

#[allow(unsafe_code)]
mod sys;

pub use certs::{Certificate, certificates};
pub use client::{ClientConfig, ClientSpec};
pub use error::{ChainFault, ERROR_CODES, Error};
pub use identity::{IdentitySpec, certified_key};
pub use load::{LoadPlan, LoadResult, load};
pub use server::{Connection, Mode, OnConnections, ServeTotals, ServerSpec, serve};
pub use wait::{Interrupt, Never, TimeLimit};

pub type Result<T> = std::result::Result<T, Error>;
