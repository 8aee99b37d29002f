//! Client connections: configured once, then a handshake with its report, then bytes both ways.

mod config;
mod ends;
mod link;
mod relay;
mod session;
mod verifier;
mod watch;

pub use config::{ClientConfig, ClientSpec};
pub use relay::{Outcome, Relayed};
pub use session::{Failure, Handshake, Session, connect};
pub use watch::{CertificateCompression, Cost, Direction, Layer, Listener, Sighting};
