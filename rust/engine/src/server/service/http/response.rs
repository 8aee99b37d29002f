//! A response, and how it is written.

use std::fmt::Write as _;
use std::io::Write;
use std::time::SystemTime;

use super::super::bulk::Body;
use super::request::Kept;

pub struct Response {
    /// The code and its words.
    status: &'static str,
    /// Header fields besides those that every response has, each a line.
    fields: String,
    content: Content,
}

pub enum Content {
    /// None, not even of length zero: 304.
    Nothing,
    /// All of it.
    Bytes(Vec<u8>),
    /// So many bytes; None for as many as come until the connection ends.
    Body { body: Body, length: Option<u64> },
}

impl Response {
    pub fn new(status: &'static str, content: Content) -> Self {
        Self { status, fields: String::new(), content }
    }

    /// The status as a line of text.
    pub fn error(status: &'static str) -> Self {
        Self::explained(status, status)
    }

    /// A status with a sentence for people.
    pub fn explained(status: &'static str, words: &str) -> Self {
        let mut response = Self::new(status, Content::Bytes(format!("{words}\n").into_bytes()));
        response.field("Content-Type", "text/plain; charset=utf-8");
        response
    }

    /// Add a header field, whose value must have no control characters.
    pub fn field(&mut self, name: &str, value: &str) {
        let _ = write!(self.fields, "{name}: {value}\r\n");
    }

    /// Whether nothing else says where it ends.
    pub fn ends_the_connection(&self) -> bool {
        matches!(self.content, Content::Body { length: None, .. })
    }

    /// Write it behind `reply`: all but a body that is sent piece by piece, which is returned.
    pub fn write_to(self, reply: &mut Vec<u8>, kept: Kept, head_only: bool) -> Option<Body> {
        // A Vec takes everything.
        let _ = write!(
            reply,
            "HTTP/1.1 {}\r\nDate: {}\r\nServer: tlstool\r\nX-Content-Type-Options: nosniff\r\n{}",
            self.status,
            httpdate::fmt_http_date(SystemTime::now()),
            self.fields,
        );
        let length = match &self.content {
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::Body { length, .. } => *length,
            Content::Nothing => None,
        };
        if let Some(length) = length {
            let _ = write!(reply, "Content-Length: {length}\r\n");
        }
        reply.extend_from_slice(match kept {
            Kept::Close => b"Connection: close\r\n\r\n",
            Kept::Said => b"Connection: keep-alive\r\n\r\n",
            Kept::Silently => b"\r\n",
        });
        match self.content {
            _ if head_only => None,
            Content::Nothing => None,
            Content::Bytes(bytes) => {
                reply.extend_from_slice(&bytes);
                None
            }
            Content::Body { body, .. } => Some(body),
        }
    }
}
