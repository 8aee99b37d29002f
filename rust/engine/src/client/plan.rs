//! What a relay is to move, and when it is over; as Python says it.

use std::os::fd::RawFd;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// `tlstool.traffic.RelayPlan`, made `plain`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayPlan {
    pub in_fd: Option<RawFd>,
    pub out_fd: RawFd,
    pub half_close: HalfClose,
    pub crlf: bool,
    pub early: ByteBuf,
    pub body: Option<BodySpec>,
    pub quiet: Option<f64>,
}

/// How the peer learns that the input has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HalfClose {
    /// By `close_notify`.
    Notify,
    /// By `close_notify`, and the end of our direction of the transport behind it.
    Fin,
    /// It does not, until the relay is over.
    None,
}

/// `tlstool.traffic.Body`, made `plain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodySpec {
    pub length: Option<u64>,
    pub chunked: bool,
}

/// `tlstool.traffic.Relayed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Relayed {
    pub sent: u64,
    pub received: u64,
    pub close_notify: Option<bool>,
    pub half_close: Option<HalfClose>,
}

/// How a relay ended: in order, or because nobody reads what it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done(Relayed),
    OutputClosed,
}
