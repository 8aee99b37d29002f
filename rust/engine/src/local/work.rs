//! The loops of a measurement, as one thread runs them.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::meter::{Overhead, Side, Spent};
use super::pair::{Negotiated, Pair};
use super::{LocalScenario, not_selectable};
use crate::latency::Latency;
use crate::{Error, Result};

/// Bytes after which bulk goes on with a new connection: a quarter of what AES-GCM's keys are good for (2^24 records of
/// 2^14 bytes, RFC 8446 section 5.5), so that no library has to update its keys within a measurement.
const RENEW_AFTER: u64 = 1 << 36;

/// Handshakes in a row that may fail to resume a session before the library is taken to be unable to.
const MAX_MISSES: u32 = 16;

/// Connections that are alive at once where memory is measured, and those before them, which fill what is made only once.
const CONNECTIONS: u32 = 200;
const FIRST_CONNECTIONS: u32 = 8;

/// Bytes that each end of a connection has sent before it is at rest: one full record.
const RECORD: usize = 1 << 14;

/// Work done, and what each side took for it; `_cpu_s` is the thread's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LocalFigures {
    Handshakes {
        count: u64,
        client_s: f64,
        server_s: f64,
        client_cpu_s: f64,
        server_cpu_s: f64,
    },
    Bulk {
        bytes: u64,
        receive_s: f64,
        send_s: f64,
        receive_cpu_s: f64,
        send_cpu_s: f64,
    },
    /// Bytes of heap a connection and side.
    Memory {
        connections: u32,
        client_bytes_after_handshake: f64,
        server_bytes_after_handshake: f64,
        client_bytes_at_rest: f64,
        server_bytes_at_rest: f64,
    },
}

/// One thread's connections, and the buffers that live as long as they do.
pub struct Worker {
    pair: Box<dyn Pair>,
    scenario: LocalScenario,
    overhead: Overhead,
    sent: Vec<u8>,
    received: Vec<u8>,
    latency: [Latency; 2],
}

impl Worker {
    pub fn new(pair: Box<dyn Pair>, scenario: LocalScenario, write_size: usize, overhead: Overhead) -> Result<Self> {
        let size = match scenario {
            LocalScenario::Bulk => write_size,
            LocalScenario::Memory => RECORD,
            _ => 0,
        };
        // Not constant, so that a byte out of place would be seen; the cipher does not care.
        let sent = (0..=250).cycle().take(size).collect();
        Ok(Self {
            pair,
            scenario,
            overhead,
            sent,
            received: vec![0; size],
            latency: [Latency::new()?, Latency::new()?],
        })
    }

    /// Do the scenario's work once, and see that it is done: what it took, and what the ends of its first handshake, a full one, say.
    pub fn rehearse(&mut self) -> Result<(Spent, [Negotiated; 2])> {
        let mut spent = Spent::clocks();
        self.pair.handshake(&mut spent)?;
        let negotiated = self.pair.negotiated()?;
        if self.scenario.is_resumed() {
            self.pair.settle(&mut Spent::unmeasured())?;
            spent = Spent::clocks();
            self.pair.handshake(&mut spent)?;
            if self.pair.resumed()? != [true, true] {
                return Err(no_resumption(self.scenario));
            }
            self.pair.settle(&mut Spent::unmeasured())?;
        }
        if !self.sent.is_empty() {
            spent = Spent::clocks();
            self.pair.transfer(Side::Server, &self.sent, &mut self.received, &mut spent)?;
            if self.sent != self.received {
                return Err(Error::Internal("what was received is not what was sent".to_owned()));
            }
        }
        Ok((spent, negotiated))
    }

    /// Measure for so long on the wall, at least one handshake or write. `go_on` is asked in between, and its error ends all.
    pub fn run(&mut self, length: Duration, go_on: &mut dyn FnMut() -> Result<()>) -> Result<LocalFigures> {
        match self.scenario {
            LocalScenario::Bulk => self.bulk(length, go_on),
            LocalScenario::Memory => self.memory(go_on),
            _ => self.handshakes(length, go_on),
        }
    }

    /// The latencies of all handshakes since the last [`Self::forget`]: of the client's part and of the server's.
    pub fn latency(&self) -> &[Latency; 2] {
        &self.latency
    }

    pub fn forget(&mut self) {
        self.latency.iter_mut().for_each(Latency::clear);
    }

    fn handshakes(&mut self, length: Duration, go_on: &mut dyn FnMut() -> Result<()>) -> Result<LocalFigures> {
        let resume = self.scenario.is_resumed();
        let mut total = Spent::clocks();
        let (mut count, mut misses) = (0, 0);
        repeat(length, go_on, || {
            let mut spent = Spent::clocks();
            self.pair.handshake(&mut spent)?;
            let counts = self.pair.resumed()? == [resume, resume];
            if counts {
                misses = 0;
                count += 1;
                total.add(&spent);
                self.latency[0].record(spent.client.wall);
                self.latency[1].record(spent.server.wall);
            } else {
                misses += 1;
                if misses > MAX_MISSES {
                    return Err(no_resumption(self.scenario));
                }
            }
            if resume {
                self.pair.settle(&mut Spent::unmeasured())?;
            }
            Ok(counts)
        })?;
        Ok(LocalFigures::Handshakes {
            count,
            client_s: total.client.wall.as_secs_f64(),
            server_s: total.server.wall.as_secs_f64(),
            client_cpu_s: self.overhead.cpu_of(&total.client).as_secs_f64(),
            server_cpu_s: self.overhead.cpu_of(&total.server).as_secs_f64(),
        })
    }

    fn bulk(&mut self, length: Duration, go_on: &mut dyn FnMut() -> Result<()>) -> Result<LocalFigures> {
        let mut total = Spent::clocks();
        let (mut bytes, mut renew_at) = (0, 0);
        repeat(length, go_on, || {
            if bytes >= renew_at {
                self.pair.handshake(&mut Spent::unmeasured())?;
                renew_at = bytes + RENEW_AFTER;
            }
            self.pair.transfer(Side::Server, &self.sent, &mut self.received, &mut total)?;
            bytes += self.sent.len() as u64;
            Ok(true)
        })?;
        Ok(LocalFigures::Bulk {
            bytes,
            receive_s: total.client.wall.as_secs_f64(),
            send_s: total.server.wall.as_secs_f64(),
            receive_cpu_s: self.overhead.cpu_of(&total.client).as_secs_f64(),
            send_cpu_s: self.overhead.cpu_of(&total.server).as_secs_f64(),
        })
    }

    /// Connections are made one after the other, and all stay: what one more of them takes is what counts.
    fn memory(&mut self, go_on: &mut dyn FnMut() -> Result<()>) -> Result<LocalFigures> {
        let (mut after_handshake, mut at_rest) = (Spent::heap(), Spent::heap());
        for number in 0..FIRST_CONNECTIONS + CONNECTIONS {
            go_on()?;
            let mut spent = Spent::heap();
            self.pair.handshake(&mut spent)?;
            let done = spent;
            self.pair.settle(&mut spent)?;
            for from in [Side::Server, Side::Client] {
                self.pair.transfer(from, &self.sent, &mut self.received, &mut spent)?;
            }
            self.pair.park();
            if number >= FIRST_CONNECTIONS {
                after_handshake.add(&done);
                at_rest.add(&spent);
            }
        }
        self.pair.clear_park();
        Ok(LocalFigures::Memory {
            connections: CONNECTIONS,
            client_bytes_after_handshake: each(after_handshake.client.heap),
            server_bytes_after_handshake: each(after_handshake.server.heap),
            client_bytes_at_rest: each(at_rest.client.heap),
            server_bytes_at_rest: each(at_rest.server.heap),
        })
    }
}

/// Do `work` until its time is over and it was done once at least; it says whether it was done.
fn repeat(
    length: Duration,
    go_on: &mut dyn FnMut() -> Result<()>,
    mut work: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let start = Instant::now();
    let mut done = false;
    loop {
        done |= work()?;
        if done && start.elapsed() >= length {
            return Ok(());
        }
        go_on()?;
    }
}

/// A connection's share. Exact up to 2^53 bytes.
#[allow(clippy::cast_precision_loss)]
fn each(total: i64) -> f64 {
    total as f64 / f64::from(CONNECTIONS)
}

fn no_resumption(scenario: LocalScenario) -> Error {
    let how = if scenario == LocalScenario::HandshakeTicket { "tickets" } else { "sessions that the server keeps" };
    not_selectable(&format!("nothing is resumed by {how}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_on_until_it_was_done_once_and_its_time_is_over() {
        let mut count = 0;
        repeat(Duration::ZERO, &mut || Ok(()), || {
            count += 1;
            Ok(count == 3)
        })
        .unwrap();
        assert_eq!(count, 3);
    }

    #[test]
    fn who_asks_for_an_end_gets_it() {
        let mut refuse = || Err(Error::Interrupted);
        assert_eq!(repeat(Duration::from_secs(3600), &mut refuse, || Ok(true)), Err(Error::Interrupted));
    }
}
