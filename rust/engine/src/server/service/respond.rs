//! The same bytes for whoever says anything, then the end.

use std::sync::Arc;

use super::bulk::Body;
use super::first::First;
use super::http::{MAX_HEAD, end_of_head};
use super::{Next, Service, Talk};

pub struct Canned {
    /// None once all of it was said.
    body: Option<Body>,
    /// The head of a request so far.
    head: Vec<u8>,
}

impl Canned {
    pub fn new(bytes: &Arc<[u8]>) -> Self {
        Self { body: Some(Body::bytes(bytes)), head: Vec::new() }
    }
}

impl Service for Canned {
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        self.head.extend_from_slice(talk.heard);
        let waits = match First::of(&self.head) {
            First::Unclear => true,
            First::Http => self.head.len() <= MAX_HEAD && end_of_head(&self.head).is_none(),
            First::Other => false,
        };
        if waits {
            return Next::Listen;
        }
        self.head = Vec::new();
        self.go_on(talk)
    }

    fn go_on(&mut self, talk: &mut Talk<'_>) -> Next {
        match self.body.as_mut().map(|body| body.next(talk.bulk)) {
            Some(Ok(true)) => Next::GoOn,
            Some(Ok(false)) | None => {
                self.body = None;
                Next::Close
            }
            Some(Err(error)) => {
                talk.error = Some(error);
                Next::Close
            }
        }
    }

    /// A client that has said nothing, or no more than a half, has waited for it as well.
    fn hear_end(&mut self, talk: &mut Talk<'_>) -> Next {
        self.head = Vec::new();
        self.go_on(talk)
    }

    fn is_idle(&self) -> bool {
        self.head.is_empty()
    }

    fn takes_requests(&self) -> bool {
        true
    }
}
