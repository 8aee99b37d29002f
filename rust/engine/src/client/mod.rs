//! Client connections: configured once, then a handshake with its report, then bytes both ways.

mod body;
mod config;
mod ech;
mod ends;
mod greeting;
mod identity;
mod input;
mod link;
mod machine;
mod newlines;
mod plan;
mod relay;
mod resumption;
mod schemes;
mod session;
mod tds;
mod verifier;
mod watch;

pub use config::{ClientConfig, ClientSpec};
pub use plan::{Outcome, RelayPlan, Relayed};
pub use resumption::{EarlyData, Offer, Resumable};
pub use session::{Failure, Handshake, Session, connect};
pub use watch::{CertificateCompression, Cost, Direction, Layer, Listener, Sighting};
