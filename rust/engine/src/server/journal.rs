//! Events on their way from the workers to the calling thread. A slow listener never holds up a worker: the oldest events are lost.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Connection;

/// Events that wait at most: some 15 MB if nobody listens, and five times that if all clients are out to fill it.
const CAPACITY: usize = 16_384;

pub struct Journal {
    queue: Mutex<Queue>,
    /// One byte in it wakes the calling thread.
    ringing: UnixStream,
    hearing: UnixStream,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Connection>,
    lost: u64,
}

impl Journal {
    pub fn new() -> io::Result<Self> {
        let (ringing, hearing) = UnixStream::pair()?;
        ringing.set_nonblocking(true)?;
        hearing.set_nonblocking(true)?;
        Ok(Self { queue: Mutex::default(), ringing, hearing })
    }

    pub fn push(&self, event: Connection) {
        let mut queue = self.lock();
        let first = queue.events.is_empty();
        if queue.events.len() == CAPACITY {
            queue.events.pop_front();
            queue.lost += 1;
        }
        queue.events.push_back(event);
        drop(queue);
        if first {
            self.ring();
        }
    }

    /// All events since the last call.
    pub fn drain(&self) -> Vec<Connection> {
        // The bell first: what is pushed from here on rings it anew.
        while matches!((&self.hearing).read(&mut [0; 64]), Ok(count) if count > 0) {}
        std::mem::take(&mut self.lock().events).into()
    }

    /// Events that nobody will see.
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// Readable once there is something to do for the calling thread.
    pub fn bell(&self) -> &UnixStream {
        &self.hearing
    }

    pub fn ring(&self) {
        // A full socket is a bell that rings already.
        let _ = (&self.ringing).write(&[1]);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Ending;
    use super::*;

    fn event(number: usize) -> Connection {
        Connection {
            site: None,
            peer: number.to_string(),
            accepted: String::new(),
            handshake_ms: None,
            tls: None,
            suite: None,
            group: None,
            alpn: None,
            sni: None,
            kind: None,
            upstream: None,
            client_certificate: None,
            early_data: None,
            hello: None,
            requests: 0,
            received: 0,
            sent: 0,
            ending: Ending::Server,
            duration_ms: 0.0,
            error: None,
            message: None,
            is_upstream_error: false,
        }
    }

    #[test]
    fn the_oldest_events_are_lost_and_counted() {
        let journal = Journal::new().unwrap();
        for number in 0..CAPACITY + 3 {
            journal.push(event(number));
        }
        let events = journal.drain();
        assert_eq!((events.len(), events[0].peer.as_str(), journal.lost()), (CAPACITY, "3", 3));
    }

    #[test]
    fn events_come_out_once_and_in_order() {
        let journal = Journal::new().unwrap();
        journal.push(event(1));
        journal.push(event(2));
        assert_eq!(journal.drain(), [event(1), event(2)]);
        assert_eq!(journal.drain(), []);
    }
}
