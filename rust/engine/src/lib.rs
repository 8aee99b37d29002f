//! TLS jobs on Rustls, without Python: connect, relay, serve, load and bench.
//!
//! A job gets plain data (a spec), a socket, a time limit and an [`Interrupt`], does all of its work in one call, and gives plain
//! data back. No rustls type leaves this crate.

#![deny(unsafe_code)]

mod capture;
mod certs;
mod client;
mod conn;
mod crew;
mod error;
pub mod hello;
mod identity;
mod info;
mod judge;
mod keylog;
mod latency;
mod load;
mod local;
mod provider;
mod server;
mod wait;

#[allow(unsafe_code)]
mod sys;

pub use certs::{Certificate, certificates};
pub use client::{CertificateCompression, Cost, Direction, Layer, Listener, Sighting};
pub use client::{
    ClientConfig, ClientSpec, EarlyData, Failure, Handshake, Offer, Outcome, RelayPlan, Relayed, Resumable, Session,
    connect,
};
pub use error::{ERROR_CODES, Error};
pub use identity::{IdentitySpec, certified_key};
pub use info::{Info, info};
pub use judge::{ChainFault, Verified, VerifySpec, verify};
pub use load::{LoadPlan, LoadResult, load};
pub use local::{LocalBench, LocalFigures, LocalIdentity, LocalInfo, LocalLatency, LocalScenario, LocalSpec};
pub use server::{
    ClientAuthSpec, ClientCertificate, Connection, ForwardSpec, LimitsSpec, Mode, NamedIdentity, NamedSpec, OnEvents,
    ServeEvent, ServeTotals, ServerConfig, ServerIdentity, ServerSpec, ServiceSpec, SessionsSpec, SiteSpec, Tells,
    serve,
};
pub use wait::{Interrupt, Never};

pub type Result<T> = std::result::Result<T, Error>;
