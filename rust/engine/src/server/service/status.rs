//! The status page over HTTP/1.1: what was negotiated, for whoever asks.

use super::super::turn::keep;
use super::http;
use super::{Next, Service, Talk};

#[derive(Default)]
pub struct Status {
    /// Requests that are not complete, or not yet answered.
    requests: Vec<u8>,
}

impl Service for Status {
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        talk.heard.splice(..0, self.requests.drain(..));
        let answered = http::answer(talk.heard, &(talk.facts)(), talk.stopping, talk.reply);
        keep(&mut self.requests, if answered.close { &[] } else { &talk.heard[answered.used..] });
        match answered {
            http::Answered { close: true, .. } => Next::Close,
            http::Answered { more: true, .. } => Next::GoOn,
            http::Answered { .. } => Next::Listen,
        }
    }

    fn go_on(&mut self, talk: &mut Talk<'_>) -> Next {
        self.hear(talk)
    }

    fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    fn hears_head(&self) -> bool {
        !self.requests.is_empty()
    }

    fn takes_requests(&self) -> bool {
        true
    }
}
