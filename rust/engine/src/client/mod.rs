//! Client connections: configured once, then a handshake with its report, then bytes both ways.

mod config;
mod ends;
mod link;
mod relay;
mod session;
mod tds;
mod verifier;

pub use config::{ClientConfig, ClientSpec};
pub use relay::{Outcome, Relayed};
pub use session::{Failure, Handshake, Session, connect};
