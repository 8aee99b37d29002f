//! What connections get once their session is up: one file a service, plaintext in, plaintext out.

pub mod bulk;
mod discard;
mod echo;
mod files;
mod first;
mod html;
pub mod http;
mod page;
mod respond;
mod source;
mod status;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::forward::{Forward, ForwardSpec, Target};
use crate::hello::Decoded;
use crate::{Error, Result};
use bulk::Bulk;
use discard::{Sink, Uploads};
use echo::Echo;
use files::{Files, Folder};
use first::ByFirstBytes;
use http::Http;
pub use page::Facts;
use respond::Canned;
use source::{Downloads, Source};
use status::Status;

/// What connections get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A page over HTTP/1.1 that shows what was negotiated.
    Status,
    /// Their own bytes.
    Echo,
    /// The digest of what they sent.
    Discard,
    /// Bytes, as many as they can take.
    Source,
    /// The files of a folder, over HTTP/1.1.
    Files,
    /// The same bytes, whatever they say.
    Respond,
    /// What somebody else says, see [`super::forward`].
    Forward,
}

/// `tlstool.sites.Service`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    pub mode: Mode,
    pub size: Option<u64>,
    pub folder: Option<String>,
    #[serde(with = "serde_bytes")]
    pub content: Option<Vec<u8>>,
    /// Whether `/metrics` is what the server has counted, where the service speaks HTTP.
    pub metrics: bool,
    pub forward: Option<ForwardSpec>,
    pub withheld: Vec<String>,
}

/// What all connections of a site get, made ready once.
pub enum Offer {
    Status { metrics: bool },
    Echo,
    Discard { metrics: bool },
    Source { size: Option<u64>, metrics: bool },
    Files { folder: Arc<Folder>, metrics: bool },
    Respond(Arc<[u8]>),
    Forward(Arc<Target>),
}

impl Offer {
    pub fn new(spec: &ServiceSpec) -> Result<Self> {
        let missing = |what: &str| Error::Usage(format!("a service of this mode needs a {what}"));
        let metrics = spec.metrics;
        Ok(match spec.mode {
            Mode::Status => Self::Status { metrics },
            Mode::Echo => Self::Echo,
            Mode::Discard => Self::Discard { metrics },
            Mode::Source => Self::Source { size: spec.size, metrics },
            Mode::Files => {
                let folder = spec.folder.as_deref().ok_or_else(|| missing("folder"))?;
                Self::Files { folder: Arc::new(Folder::open(folder, &spec.withheld)?), metrics }
            }
            Mode::Forward => {
                let forward = spec.forward.as_ref().ok_or_else(|| missing("place to forward to"))?;
                Self::Forward(Arc::new(Target::new(forward)?))
            }
            Mode::Respond => Self::Respond(spec.content.clone().ok_or_else(|| missing("content"))?.into()),
        })
    }

    /// The service of one connection.
    pub fn start(&self) -> Box<dyn Service> {
        match self {
            Self::Status { metrics } => Box::new(Http::new(Status, *metrics)),
            Self::Echo => Box::new(Echo),
            Self::Discard { metrics } => {
                Box::new(ByFirstBytes::new(Http::new(Uploads, *metrics), Sink::default(), None))
            }
            Self::Source { size, metrics } => {
                let (http, raw) = (Http::new(Downloads(*size), *metrics), Source::new(*size));
                Box::new(ByFirstBytes::new(http, raw, Some(source::PATIENCE)))
            }
            Self::Files { folder, metrics } => Box::new(Http::new(Files(Arc::clone(folder)), *metrics)),
            Self::Respond(bytes) => Box::new(Canned::new(bytes)),
            Self::Forward(target) => Box::new(Forward(Arc::clone(target))),
        }
    }

    /// Whether a client that speaks HTTP without TLS is to be told so in its own words.
    pub fn speaks_http(&self) -> bool {
        !matches!(self, Self::Echo | Self::Forward(_))
    }

    /// Whether it tells its clients what they offered.
    pub fn shows_hello(&self) -> bool {
        matches!(self, Self::Status { .. })
    }
}

/// The application of one connection: it is given turns, and never waits.
pub trait Service: Send {
    /// The client has said `talk.heard`; it is gone after the call. It is empty only in the first call, when the session has just
    /// come up.
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next;

    /// All that was said before is in the socket. Only called after [`Next::GoOn`].
    fn go_on(&mut self, _talk: &mut Talk<'_>) -> Next {
        Next::Listen
    }

    /// The client has said all that it will say. To go on listening is the same as to close; after [`Next::GoOn`] it is called
    /// again.
    fn hear_end(&mut self, _talk: &mut Talk<'_>) -> Next {
        Next::Close
    }

    /// How long the client may say nothing until [`Service::hear_silence`] is called; None: as long as the limits allow.
    fn patience(&self) -> Option<Duration> {
        None
    }

    fn hear_silence(&mut self, _talk: &mut Talk<'_>) -> Next {
        Next::Listen
    }

    /// Whether nothing is half heard: the client may leave now without a loss.
    fn is_idle(&self) -> bool {
        true
    }

    /// Whether a request has begun whose head is not complete. A client has little time for that, however often it says something.
    fn hears_head(&self) -> bool {
        false
    }

    /// Whether the client cannot wait for an end: it may leave at any time then, and that is no fault.
    fn is_endless(&self) -> bool {
        false
    }

    /// Whether a client that says nothing now is between two requests, and can be sent away when the server stops.
    fn takes_requests(&self) -> bool {
        false
    }
}

/// What a service works on in its turn.
pub struct Talk<'a> {
    /// Plaintext from the client.
    pub heard: &'a mut Vec<u8>,
    /// Plaintext for the client: empty at first, sent after the turn.
    pub reply: &'a mut Vec<u8>,
    /// More of it, sent behind the reply.
    pub bulk: &'a mut Bulk,
    /// What was negotiated.
    pub facts: &'a dyn Fn() -> Facts,
    /// What the client offered: None if its hello could not be read, or the site was not to keep it.
    pub hello: &'a dyn Fn() -> Option<Decoded>,
    /// What the server has counted until now, for Prometheus.
    pub metrics: &'a dyn Fn() -> String,
    /// Requests that were answered in this turn: 0 at first.
    pub requests: u64,
    /// The server has been asked to stop: what has to be said is said, and no more.
    pub stopping: bool,
    /// What was heard is a part of something long, which gives its sender time for the next part.
    pub progress: bool,
    /// Who gets the connection from here on, together with what was just heard.
    pub forward: Option<Arc<Target>>,
    /// Why what was begun cannot be finished: the connection breaks off behind the reply.
    pub error: Option<Error>,
}

/// What a service waits for after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// For the client to say more.
    Listen,
    /// For its reply to be in the socket: there is more to say, before anything is heard.
    GoOn,
    /// For nothing: the connection ends behind its reply.
    Close,
}
