//! HTTP for clients that speak it, something simpler for the others: their first bytes tell which it is.

use std::time::Duration;

use super::super::turn::keep;
use super::{Next, Service, Talk};

const METHODS: [&[u8]; 9] =
    [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"TRACE ", b"CONNECT "];

/// What a client's first bytes are the beginning of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    Http,
    Other,
    /// Of either: more has to come.
    Unclear,
}

impl First {
    pub fn of(bytes: &[u8]) -> Self {
        if METHODS.iter().any(|method| bytes.starts_with(method)) {
            Self::Http
        } else if METHODS.iter().any(|method| method.starts_with(bytes)) {
            Self::Unclear
        } else {
            Self::Other
        }
    }
}

/// Two services, one of which the connection gets once it is known which.
pub struct ByFirstBytes<H, R> {
    http: H,
    raw: R,
    chosen: First,
    /// What came before that was known: a few bytes.
    kept: Vec<u8>,
    /// After so long without a word the client gets the raw service.
    patience: Option<Duration>,
}

impl<H: Service, R: Service> ByFirstBytes<H, R> {
    pub fn new(http: H, raw: R, patience: Option<Duration>) -> Self {
        Self { http, raw, chosen: First::Unclear, kept: Vec::new(), patience }
    }

    fn service(&self) -> Option<&dyn Service> {
        match self.chosen {
            First::Unclear => None,
            First::Http => Some(&self.http),
            First::Other => Some(&self.raw),
        }
    }

    fn service_mut(&mut self) -> Option<&mut dyn Service> {
        match self.chosen {
            First::Unclear => None,
            First::Http => Some(&mut self.http),
            First::Other => Some(&mut self.raw),
        }
    }

    /// Nothing more has come that would tell: by ALPN it may be known all the same; if it is not, what came is for the raw
    /// service.
    fn choose(&mut self, talk: &mut Talk<'_>) -> Option<Next> {
        if (talk.facts)().alpn.as_deref() == Some("http/1.1") {
            self.chosen = First::Http;
            return None;
        }
        self.chosen = First::Other;
        *talk.heard = std::mem::take(&mut self.kept);
        (!talk.heard.is_empty()).then(|| self.raw.hear(talk))
    }
}

impl<H: Service, R: Service> Service for ByFirstBytes<H, R> {
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        if self.chosen == First::Unclear {
            talk.heard.splice(..0, self.kept.drain(..));
            self.chosen = First::of(talk.heard);
            keep(&mut self.kept, if self.chosen == First::Unclear { talk.heard } else { &[] });
        }
        self.service_mut().map_or(Next::Listen, |service| service.hear(talk))
    }

    fn go_on(&mut self, talk: &mut Talk<'_>) -> Next {
        self.service_mut().map_or(Next::Listen, |service| service.go_on(talk))
    }

    fn hear_end(&mut self, talk: &mut Talk<'_>) -> Next {
        if self.chosen == First::Unclear && self.choose(talk) == Some(Next::GoOn) {
            return Next::GoOn;
        }
        self.service_mut().map_or(Next::Close, |service| service.hear_end(talk))
    }

    fn patience(&self) -> Option<Duration> {
        self.service().map_or(self.patience, Service::patience)
    }

    /// Browsers open connections ahead of their requests: those say by ALPN that one will come.
    fn hear_silence(&mut self, talk: &mut Talk<'_>) -> Next {
        let next = if self.chosen == First::Unclear { self.choose(talk) } else { None };
        next.unwrap_or_else(|| self.service_mut().map_or(Next::Listen, |service| service.hear_silence(talk)))
    }

    /// While it is unclear what it is, it can be something whole.
    fn is_idle(&self) -> bool {
        self.service().is_none_or(Service::is_idle)
    }

    fn hears_head(&self) -> bool {
        self.service().is_some_and(Service::hears_head)
    }

    fn is_endless(&self) -> bool {
        self.service().is_some_and(Service::is_endless)
    }

    fn takes_requests(&self) -> bool {
        self.service().is_none_or(Service::takes_requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_the_space_behind_it_make_a_request() {
        assert_eq!(First::of(b"GET / HTTP/1.1\r\n"), First::Http);
        assert_eq!(First::of(b"OPTIONS *"), First::Http);
        for unclear in [&b""[..], b"G", b"PO", b"PUT", b"CONNECT"] {
            assert_eq!(First::of(unclear), First::Unclear);
        }
        for other in [&b"hello\n"[..], b"GETS", b"get /", b"\x16\x03", b"EHLO a"] {
            assert_eq!(First::of(other), First::Other);
        }
    }
}
