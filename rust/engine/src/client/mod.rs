//! Client connections: configured once, then a handshake with its report, then bytes both ways.

mod body;
mod config;
mod ends;
mod link;
mod newlines;
mod plan;
mod relay;
mod session;
mod tds;
mod verifier;

pub use config::{ClientConfig, ClientSpec};
pub use plan::{Outcome, RelayPlan, Relayed};
pub use session::{Failure, Handshake, Session, connect};
