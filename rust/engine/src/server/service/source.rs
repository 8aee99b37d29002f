//! Bytes for the client to take, as fast as it can: behind an HTTP head if it asked for one.

use std::time::Duration;

use super::bulk::Body;
use super::http::{Answer, Application, Asker, Content, Request, Response};
use super::{Next, Service, Talk};

/// A client that says nothing for so long after its handshake does not speak HTTP, and is waiting for us. Those that do
/// send their request with the end of the handshake, or right behind it.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// For clients that speak HTTP: any path is so many bytes; None for no end.
pub struct Downloads(pub Option<u64>);

impl Application for Downloads {
    fn answer(&mut self, request: &Request<'_>, _asker: &Asker<'_>) -> Answer {
        if let Err(refusal) = request.only(&["GET", "HEAD"]) {
            return Answer::Response(refusal);
        }
        let content = Content::Body { body: Body::Pattern(self.0), length: self.0 };
        let mut response = Response::new("200 OK", content);
        response.field("Content-Type", "text/plain; charset=us-ascii");
        response.field("Cache-Control", "no-store");
        Answer::Response(response)
    }
}

/// For all others.
pub struct Source {
    /// None once all of it was said.
    body: Option<Body>,
}

impl Source {
    pub fn new(size: Option<u64>) -> Self {
        Self { body: Some(Body::Pattern(size)) }
    }
}

impl Service for Source {
    /// Whatever it was: it is no HTTP.
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        self.go_on(talk)
    }

    fn go_on(&mut self, talk: &mut Talk<'_>) -> Next {
        let Some(body) = &mut self.body else { return Next::Close };
        if talk.stopping && body.is_endless() {
            return Next::Close;
        }
        match body.next(talk.bulk) {
            Ok(true) => Next::GoOn,
            Ok(false) => {
                self.body = None;
                Next::Close
            }
            Err(error) => {
                talk.error = Some(error);
                Next::Close
            }
        }
    }

    fn hear_end(&mut self, talk: &mut Talk<'_>) -> Next {
        self.go_on(talk)
    }

    fn hear_silence(&mut self, talk: &mut Talk<'_>) -> Next {
        self.go_on(talk)
    }

    fn is_endless(&self) -> bool {
        self.body.as_ref().is_some_and(Body::is_endless)
    }
}
