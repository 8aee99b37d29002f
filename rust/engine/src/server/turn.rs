//! What a worker lends to a connection for its turn, and what it hears back.

use std::time::Instant;

use mio::Registry;

use super::counters::Counters;
use super::forward::Link;
use super::limits::Limits;
use super::service::bulk::Bulk;
use super::shared::Shared;
use super::site::Site;
use super::slots::Key;
use crate::conn::Output;

/// How much is read at once.
pub const READ: usize = 65_536;

/// What may be kept of a message whose end has not come: rustls refuses larger ones, but record headers come on top.
pub const MAX_PARTIAL: usize = 131_072;

/// The memory that all connections of a worker share. What it holds is good for one turn.
pub struct Buffers {
    pub input: Vec<u8>,
    pub plain: Vec<u8>,
    pub reply: Vec<u8>,
    pub bulk: Bulk,
    pub output: Output,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            input: vec![0; MAX_PARTIAL + READ],
            plain: Vec::new(),
            reply: Vec::new(),
            bulk: Bulk::default(),
            output: Output::default(),
        }
    }
}

/// What a connection needs for its turn.
pub struct Turn<'a> {
    pub key: Key,
    pub buffers: &'a mut Buffers,
    pub site: &'a Site,
    pub limits: &'a Limits,
    pub registry: &'a Registry,
    /// Of the worker whose turn it is.
    pub counters: &'a Counters,
    pub shared: &'a Shared,
    /// The server has been asked to stop: what has to be said is said, and no more.
    pub stopping: bool,
    pub now: Instant,
}

impl<'a> Turn<'a> {
    /// Where the events of the connection's second socket go.
    pub fn link(&self) -> Link<'a> {
        Link { registry: self.registry, token: self.key.second_token(), now: self.now }
    }
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to do until the socket or the clock says so.
    Wait,
    /// There is more to do, but it is the others' turn.
    Again,
    /// The connection has ended.
    Over,
}

/// Make `kept` what is left, and own no memory if that is nothing.
pub fn keep(kept: &mut Vec<u8>, left: &[u8]) {
    if left.is_empty() {
        *kept = Vec::new();
    } else {
        kept.clear();
        kept.extend_from_slice(left);
    }
}
