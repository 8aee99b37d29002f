//! Whether a client has a file already: validators and preconditions (RFC 9110 sections 8.8 and 13).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::http::{Request, Response};
use crate::certs::time;

/// What tells a version of a file from others.
pub struct Validators {
    /// Strong as far as the clock of the file system goes: to the nanosecond.
    tag: String,
    /// To the second; None for times that HTTP cannot say.
    modified: Option<SystemTime>,
}

impl Validators {
    pub fn of(about: &Metadata) -> Self {
        let (seconds, nanoseconds, size) = (about.mtime(), about.mtime_nsec(), about.size());
        let sayable = u64::try_from(seconds).ok().filter(|_| seconds <= time::LAST);
        Self {
            tag: format!("\"{seconds:x}.{nanoseconds:x}-{size:x}\""),
            modified: sayable.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
        }
    }

    pub fn tell(&self, response: &mut Response) {
        response.field("ETag", &self.tag);
        if let Some(modified) = self.modified {
            response.field("Last-Modified", &httpdate::fmt_http_date(modified));
        }
        // Whoever keeps a copy has to ask whether it is still good: the files of a test change.
        response.field("Cache-Control", "no-cache");
    }

    /// Whether the client asks only for another version than this one. With tags, dates do not count (section 13.2.2).
    pub fn are_known_to(&self, request: &Request<'_>) -> bool {
        let mut tags = request.values("if-none-match").peekable();
        if tags.peek().is_some() {
            return tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag);
        }
        let since = request.value("if-modified-since").and_then(|date| httpdate::parse_http_date(date).ok());
        self.modified.zip(since).is_some_and(|(modified, since)| modified <= since)
    }

    /// Whether the client's part, if it has one, is of this version (section 13.1.5).
    pub fn allow_a_part(&self, request: &Request<'_>) -> bool {
        let mut conditions = request.values("if-range").peekable();
        if conditions.peek().is_none() {
            return true;
        }
        let date = request.value("if-range").and_then(|date| httpdate::parse_http_date(date).ok());
        conditions.any(|tag| tag == self.tag) || date.is_some() && date == self.modified
    }
}
