//! HTTP/1.1 for the services that speak it (RFC 9110, RFC 9112): requests one behind the other on a connection that is kept,
//! bodies both ways, no I/O. What a request is answered with is the application's.

mod body;
mod plain;
mod request;
mod response;

use super::super::metrics;
use super::super::turn::keep;
use super::bulk::Body;
use super::{Facts, Next, Service, Talk};
use crate::hello::Decoded;
use body::Framing;
pub use plain::{PLAIN_REQUEST_ANSWER, is_plain_request, not_tls};
use request::{Kept, MAX_HEADERS};
pub use request::{MAX_HEAD, Parsed, Request, end_of_head};
pub use response::{Content, Response};

/// Once a reply is as long as this, further requests wait until it is sent.
const ENOUGH: usize = 65_536;

/// What answers requests.
pub trait Application: Send {
    fn answer(&mut self, request: &Request<'_>, asker: &Asker<'_>) -> Answer;
}

/// What is known of the client that asks.
pub struct Asker<'a> {
    /// What was negotiated with it.
    pub facts: &'a dyn Fn() -> Facts,
    /// What it offered; None if that is not known.
    pub hello: &'a dyn Fn() -> Option<Decoded>,
}

pub enum Answer {
    Response(Response),
    /// The request's body is wanted first.
    Upload(Box<dyn Upload>),
}

/// What takes a request's body.
pub trait Upload: Send {
    fn take(&mut self, bytes: &[u8]);

    /// All of it was taken.
    fn finish(&mut self) -> Response;
}

/// One connection.
pub struct Http<A> {
    application: A,
    /// Whether `/metrics` is what the server has counted, whatever the application would have there.
    metrics: bool,
    /// Requests that are not complete, or whose turn has not come.
    pending: Vec<u8>,
    state: State,
}

enum State {
    /// A request is waited for.
    Heads,
    Upload(Box<Uploading>),
    Download(Box<Download>),
}

struct Uploading {
    framing: Framing,
    upload: Box<dyn Upload>,
    kept: Kept,
}

struct Download {
    body: Body,
    /// The connection ends behind it.
    close: bool,
}

impl<A: Application> Http<A> {
    pub fn new(application: A, metrics: bool) -> Self {
        Self { application, metrics, pending: Vec::new(), state: State::Heads }
    }

    /// Deal with as much of `input` as can be; how much that was.
    fn work(&mut self, input: &[u8], talk: &mut Talk<'_>) -> (usize, Next) {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let (count, next) = match self.state {
                State::Download(_) => return (used, self.send_on(talk)),
                State::Upload(_) => self.receive(rest, talk),
                State::Heads if rest.is_empty() => return (used, Next::Listen),
                State::Heads if talk.reply.len() >= ENOUGH => return (used, Next::GoOn),
                State::Heads => self.begin(rest, talk),
            };
            used += count;
            if let Some(next) = next {
                return (used, next);
            }
        }
    }

    /// Take in the head of a request. None: there may be more to do.
    fn begin(&mut self, input: &[u8], talk: &mut Talk<'_>) -> (usize, Option<Next>) {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        match Request::parse(input, &mut headers) {
            Parsed::Partial => (0, Some(Next::Listen)),
            Parsed::Bad(status) => (0, self.refuse(status, talk)),
            Parsed::Whole(request, length) => (length, self.answer(&request, &input[length..], talk)),
        }
    }

    fn answer(&mut self, request: &Request<'_>, rest: &[u8], talk: &mut Talk<'_>) -> Option<Next> {
        let framing = match request.framing() {
            Ok(framing) => framing,
            Err(status) => return self.refuse(status, talk),
        };
        let has_body = framing.as_ref().is_some_and(|framing| !framing.is_empty());
        let answer = if self.metrics && request.path() == "/metrics" {
            counted(request, talk.metrics)
        } else {
            self.application.answer(request, &Asker { facts: talk.facts, hello: talk.hello })
        };
        match answer {
            // A body that nobody wants would have to be read before the next request.
            Answer::Response(response) if has_body => self.reply(response, request.is_head(), Kept::Close, talk),
            Answer::Response(response) => self.reply(response, request.is_head(), request.kept(), talk),
            Answer::Upload(upload) => {
                match request.expectation() {
                    Err(status) => return self.refuse(status, talk),
                    // A client that has begun already does not wait for leave (RFC 9110 section 10.1.1).
                    Ok(true) if has_body && rest.is_empty() => {
                        talk.reply.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    Ok(_) => {}
                }
                let framing = framing.unwrap_or(Framing::Length(0));
                self.state = State::Upload(Box::new(Uploading { framing, upload, kept: request.kept() }));
                None
            }
        }
    }

    /// Take in a piece of a request's body.
    fn receive(&mut self, input: &[u8], talk: &mut Talk<'_>) -> (usize, Option<Next>) {
        let State::Upload(uploading) = &mut self.state else { return (0, None) };
        let Uploading { framing, upload, kept } = &mut **uploading;
        talk.progress = true;
        match framing.feed(input, |bytes| upload.take(bytes)) {
            Ok((used, false)) => (used, Some(Next::Listen)),
            Ok((used, true)) => {
                let (response, kept) = (upload.finish(), *kept);
                self.state = State::Heads;
                (used, self.reply(response, false, kept, talk))
            }
            Err(status) => (0, self.refuse(status, talk)),
        }
    }

    /// After a request that is not understood nothing is certain of what follows, so nothing that follows is read.
    fn refuse(&mut self, status: &'static str, talk: &mut Talk<'_>) -> Option<Next> {
        self.reply(Response::error(status), false, Kept::Close, talk)
    }

    fn reply(&mut self, response: Response, head_only: bool, kept: Kept, talk: &mut Talk<'_>) -> Option<Next> {
        talk.requests += 1;
        let close = kept == Kept::Close || response.ends_the_connection() || talk.stopping;
        let body = response.write_to(talk.reply, if close { Kept::Close } else { kept }, head_only);
        match body {
            Some(body) => {
                self.state = State::Download(Box::new(Download { body, close }));
                None
            }
            None => close.then_some(Next::Close),
        }
    }

    /// Send the next piece of a response's body.
    fn send_on(&mut self, talk: &mut Talk<'_>) -> Next {
        let State::Download(download) = &mut self.state else { return Next::Listen };
        if talk.stopping && download.body.is_endless() {
            return Next::Close;
        }
        let close = download.close;
        match download.body.next(talk.bulk) {
            Ok(true) => Next::GoOn,
            Ok(false) if close => Next::Close,
            Ok(false) => {
                self.state = State::Heads;
                // The next request may be there already.
                Next::GoOn
            }
            Err(error) => {
                talk.error = Some(error);
                Next::Close
            }
        }
    }
}

/// What the server has counted, for Prometheus.
fn counted(request: &Request<'_>, metrics: &dyn Fn() -> String) -> Answer {
    let response = request.only(&["GET", "HEAD"]).map(|()| {
        let mut response = Response::new("200 OK", Content::Bytes(metrics().into_bytes()));
        response.field("Content-Type", metrics::CONTENT_TYPE);
        response.field("Cache-Control", "no-store");
        response
    });
    Answer::Response(response.unwrap_or_else(|refusal| refusal))
}

impl<A: Application> Service for Http<A> {
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        talk.heard.splice(..0, self.pending.drain(..));
        let input = std::mem::take(talk.heard);
        let (used, next) = self.work(&input, talk);
        keep(&mut self.pending, if next == Next::Close { &[] } else { &input[used..] });
        *talk.heard = input;
        next
    }

    fn go_on(&mut self, talk: &mut Talk<'_>) -> Next {
        if matches!(self.state, State::Download(_)) { self.send_on(talk) } else { self.hear(talk) }
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty() && matches!(self.state, State::Heads)
    }

    fn hears_head(&self) -> bool {
        !self.pending.is_empty() && matches!(self.state, State::Heads)
    }

    fn is_endless(&self) -> bool {
        matches!(&self.state, State::Download(download) if download.body.is_endless())
    }

    fn takes_requests(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
