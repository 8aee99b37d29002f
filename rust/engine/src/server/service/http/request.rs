//! The head of a request.

use httparse::{Header, Status};

use super::body::Framing;
use super::response::Response;

/// Bytes of a request's head.
pub const MAX_HEAD: usize = 16_384;
pub const MAX_HEADERS: usize = 100;

const BAD_REQUEST: &str = "400 Bad Request";

/// What the bytes of a connection begin with.
pub enum Parsed<'a> {
    Partial,
    /// Nothing that can be understood: the status to answer with.
    Bad(&'static str),
    /// A request, and the bytes of its head.
    Whole(Request<'a>, usize),
}

pub struct Request<'a> {
    method: &'a str,
    target: &'a str,
    /// The second digit of the version, whose first one is 1.
    version: u8,
    headers: &'a [Header<'a>],
}

/// Whether the client may send another request, and has to be told so (RFC 9112 section 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Silently,
    Said,
    Close,
}

/// Where the body of a request begins, by its empty line.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match &bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

impl<'a> Request<'a> {
    pub fn parse(input: &'a [u8], headers: &'a mut [Header<'a>]) -> Parsed<'a> {
        let mut parser = httparse::Request::new(headers);
        match parser.parse(input) {
            Ok(Status::Partial) if input.len() <= MAX_HEAD => Parsed::Partial,
            Ok(Status::Complete(length)) if length <= MAX_HEAD => {
                let request = Self {
                    method: parser.method.unwrap_or_default(),
                    target: parser.path.unwrap_or("/"),
                    version: parser.version.unwrap_or_default(),
                    headers: parser.headers,
                };
                // RFC 9112 section 3.2: without exactly one Host, a request of HTTP/1.1 is bad.
                match request.count("host") {
                    1 => Parsed::Whole(request, length),
                    0 if request.version == 0 => Parsed::Whole(request, length),
                    _ => Parsed::Bad(BAD_REQUEST),
                }
            }
            Ok(_) | Err(httparse::Error::TooManyHeaders) => Parsed::Bad("431 Request Header Fields Too Large"),
            Err(_) => Parsed::Bad(BAD_REQUEST),
        }
    }

    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub fn is_get(&self) -> bool {
        self.method == "GET"
    }

    /// The refusal of any method but these.
    pub fn only(&self, methods: &[&'static str]) -> Result<(), Response> {
        if methods.contains(&self.method) {
            return Ok(());
        }
        let mut refusal = Response::error("405 Method Not Allowed");
        refusal.field("Allow", &methods.join(", "));
        Err(refusal)
    }

    /// The target's path, as it was sent, and what stands behind its question mark.
    pub fn path_and_query(&self) -> (&'a str, Option<&'a str>) {
        // The absolute form, as proxies get it, has the path behind the authority (RFC 9112 section 3.2.2).
        let target = match self.target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?']) => rest.find(['/', '?']).map_or("/", |at| &rest[at..]),
            _ => self.target,
        };
        target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
    }

    pub fn path(&self) -> &'a str {
        match self.path_and_query().0 {
            "" => "/",
            path => path,
        }
    }

    /// The members of a list header, over all of its lines. What is not UTF-8 is not one that we know.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines(name).flat_map(|value| value.split(',').map(str::trim))
    }

    /// The value of a header that is no list; None if it is there more than once.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        let mut lines = self.lines(name);
        lines.next().filter(|_| lines.next().is_none())
    }

    /// How the length of the body is told (RFC 9112 section 6.3); None without one. An error is the status to answer with.
    ///
    /// What two readers could understand in two ways is refused, and not guessed.
    pub fn framing(&self) -> Result<Option<Framing>, &'static str> {
        let lengths = self.count("content-length");
        if self.count("transfer-encoding") > 0 {
            if lengths > 0 || self.version == 0 {
                return Err(BAD_REQUEST);
            }
            let mut codings = self.values("transfer-encoding");
            let chunked = codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
            return if chunked && codings.next().is_none() {
                Ok(Some(Framing::chunked()))
            } else {
                Err("501 Not Implemented")
            };
        }
        if lengths == 0 {
            return Ok(None);
        }
        let mut values = self.values("content-length");
        let first = values.next().ok_or(BAD_REQUEST)?;
        let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        match first.parse() {
            Ok(length) if is_number && values.all(|value| value == first) => Ok(Some(Framing::Length(length))),
            _ => Err(BAD_REQUEST),
        }
    }

    /// Whether the client waits for leave before it sends the body (RFC 9110 section 10.1.1). An error is the status to answer
    /// with.
    pub fn expectation(&self) -> Result<bool, &'static str> {
        let mut waits = false;
        for value in self.values("expect") {
            if !value.eq_ignore_ascii_case("100-continue") {
                return Err("417 Expectation Failed");
            }
            waits = self.version > 0;
        }
        Ok(waits)
    }

    pub fn kept(&self) -> Kept {
        let says = |option: &str| self.values("connection").any(|value| value.eq_ignore_ascii_case(option));
        match self.version {
            _ if says("close") => Kept::Close,
            1 => Kept::Silently,
            _ if says("keep-alive") => Kept::Said,
            _ => Kept::Close,
        }
    }

    fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).count()
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let headers = self.headers;
        let named = move |header: &&Header<'_>| header.name.eq_ignore_ascii_case(name);
        headers.iter().filter(named).filter_map(|header| std::str::from_utf8(header.value).ok())
    }
}
