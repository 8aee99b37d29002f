//! The status page over HTTP/1.1: what was negotiated, for whoever asks.

use super::super::turn::keep;
use super::http;
use super::{Next, Service, Talk};

pub struct Status {
    /// Whether there is a page with what the server has counted.
    metrics: bool,
    /// Requests that are not complete, or not yet answered.
    requests: Vec<u8>,
}

impl Status {
    pub fn new(metrics: bool) -> Self {
        Self { metrics, requests: Vec::new() }
    }
}

impl Service for Status {
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        talk.heard.splice(..0, self.requests.drain(..));
        let site = http::Site { facts: &(talk.facts)(), metrics: self.metrics.then_some(talk.metrics) };
        let answered = http::answer(talk.heard, &site, talk.stopping, talk.reply);
        talk.requests += answered.requests;
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
