//! A place for bytes to go: they are counted and digested, and their sender is told both at the end.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use super::http::{Answer, Application, Asker, Content, Request, Response, Upload};
use super::{Next, Service, Talk};

/// What has come so far.
struct Tally {
    digest: Context,
    bytes: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { digest: Context::new(&SHA256), bytes: 0 }
    }
}

impl Tally {
    fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The number of bytes and their SHA-256 in hex.
    fn sums(&self) -> (u64, String) {
        (self.bytes, HEXLOWER.encode(self.digest.clone().finish().as_ref()))
    }
}

/// For clients that speak HTTP: they PUT or POST, to any path, and the answer is JSON.
pub struct Uploads;

impl Application for Uploads {
    fn answer(&mut self, request: &Request<'_>, _asker: &Asker<'_>) -> Answer {
        match request.only(&["PUT", "POST"]) {
            Ok(()) => Answer::Upload(Box::<Tally>::default()),
            Err(refusal) => Answer::Response(refusal),
        }
    }
}

impl Upload for Tally {
    fn take(&mut self, bytes: &[u8]) {
        self.add(bytes);
    }

    fn finish(&mut self) -> Response {
        let (bytes, sha256) = self.sums();
        let json = format!("{{\"bytes\":{bytes},\"sha256\":\"{sha256}\"}}\n");
        let mut response = Response::new("200 OK", Content::Bytes(json.into_bytes()));
        response.field("Content-Type", "application/json");
        response.field("Cache-Control", "no-store");
        response
    }
}

/// For all others: one line once they have closed their side, by `close_notify` or without.
#[derive(Default)]
pub struct Sink(Box<Tally>);

impl Service for Sink {
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        self.0.add(talk.heard);
        talk.progress = true;
        Next::Listen
    }

    fn hear_end(&mut self, talk: &mut Talk<'_>) -> Next {
        let (bytes, sha256) = self.0.sums();
        talk.reply.extend_from_slice(format!("bytes={bytes} sha256={sha256}\n").as_bytes());
        Next::Close
    }
}
