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
mod ends;
mod error;
mod identity;
mod info;
mod judge;
mod keylog;
mod link;
mod load;
mod local;
mod pem;
mod provider;
mod relay;
mod server;
mod session;
mod time;
mod trust;
mod verifier;
mod verify;
mod wait;

#[allow(unsafe_code)]
mod sys;

pub use certs::{Certificate, certificates};
pub use client::{ClientConfig, ClientSpec};
pub use error::{ChainFault, ERROR_CODES, Error};
pub use identity::{IdentitySpec, certified_key};
pub use info::{Info, info};
pub use load::{LoadPlan, LoadResult, load};
pub use local::{LocalBench, LocalFigures, LocalInfo, LocalScenario, LocalSpec};
pub use relay::{Outcome, Relayed};
pub use server::{Connection, Mode, OnConnections, ServeTotals, ServerSpec, serve};
pub use session::{Failure, Handshake, Session, connect};
pub use verify::{Verified, VerifySpec, verify};
pub use wait::{Interrupt, Never, TimeLimit};

pub type Result<T> = std::result::Result<T, Error>;
