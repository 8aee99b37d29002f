//! As much of HTTP/1.1 as a status page needs (RFC 9110, RFC 9112). Requests in, responses out; no I/O.

use std::fmt::Write;
use std::time::SystemTime;

use httparse::{EMPTY_HEADER, Header, Request, Status};

use super::super::metrics;
use super::page::Facts;

/// Bytes of a request's head.
const MAX_HEAD: usize = 16_384;
const MAX_HEADERS: usize = 100;

/// Once a reply is as long as this, further requests wait until it is sent.
const ENOUGH: usize = 65_536;

/// What became of the requests.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered {
    /// Bytes of the input that are dealt with.
    pub used: usize,
    /// The rest may hold complete requests.
    pub more: bool,
    /// The connection ends after the reply.
    pub close: bool,
    /// How many requests were answered, with errors too.
    pub requests: u64,
}

/// What there is to see.
pub struct Site<'a> {
    pub facts: &'a Facts,
    /// What stands under `/metrics`; None: nothing.
    pub metrics: Option<&'a dyn Fn() -> String>,
}

/// Append the responses to all complete requests in `input` to `reply`. With `closing`, the first one is the last.
pub fn answer(input: &[u8], site: &Site<'_>, closing: bool, reply: &mut Vec<u8>) -> Answered {
    let (mut used, mut requests) = (0, 0);
    while reply.len() < ENOUGH {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut request = Request::new(&mut headers);
        let response = match request.parse(&input[used..]) {
            Ok(Status::Partial) if input.len() - used <= MAX_HEAD => {
                return Answered { used, more: false, close: false, requests };
            }
            Ok(Status::Complete(head)) if head <= MAX_HEAD => {
                used += head;
                respond(&request, site)
            }
            Ok(_) | Err(httparse::Error::TooManyHeaders) => Response::error("431 Request Header Fields Too Large"),
            Err(_) => Response::error("400 Bad Request"),
        };
        requests += 1;
        let close = response.connection == Kept::Close || closing;
        response.append_to(reply, close);
        if close {
            return Answered { used, more: false, close: true, requests };
        }
    }
    Answered { used, more: used < input.len(), close: false, requests }
}

/// Whether these first bytes are a request in plain HTTP.
pub fn is_plain_request(first: &[u8]) -> bool {
    const METHODS: [&[u8]; 8] = [b"GET ", b"HEAD", b"POST", b"PUT ", b"OPTI", b"DELE", b"PATC", b"CONN"];
    METHODS.iter().any(|method| first.starts_with(method))
}

/// What a client that speaks plain HTTP gets to read.
pub const PLAIN_REQUEST_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 58\r\nConnection: close\r\n\r\nThis server speaks TLS only: try the same with https://.\r\n";

/// In words, what a client sent that is no TLS.
pub fn not_tls(first: &[u8]) -> String {
    if is_plain_request(first) {
        return "the client speaks plain HTTP, not TLS".to_owned();
    }
    format!("the client does not speak TLS: it begins with \"{}\"", first[..first.len().min(24)].escape_ascii())
}

/// Whether the client may send another request, and has to be told so (RFC 9112 section 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Silently,
    Said,
    Close,
}

struct Response {
    status: &'static str,
    content_type: &'static str,
    body: String,
    /// The request was HEAD: all but the body.
    head_only: bool,
    connection: Kept,
}

fn respond(request: &Request<'_, '_>, site: &Site<'_>) -> Response {
    let headers = &*request.headers;
    let version = request.version.unwrap_or(0);
    // RFC 9112 section 3.2: without exactly one Host, a request of HTTP/1.1 is bad.
    let hosts = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host")).count();
    if hosts > 1 || hosts == 0 && version == 1 {
        return Response::error("400 Bad Request");
    }
    let method = request.method.unwrap_or_default();
    if method != "GET" && method != "HEAD" {
        return Response::error("405 Method Not Allowed");
    }
    let path = path(request.path.unwrap_or("/"));
    let (content_type, body) = match (path, site.metrics) {
        ("/metrics", Some(metrics)) => (metrics::CONTENT_TYPE, metrics()),
        _ => match view(path, headers) {
            View::Html => ("text/html; charset=utf-8", site.facts.html()),
            View::Json => ("application/json", site.facts.json()),
            View::Text => ("text/plain; charset=utf-8", site.facts.text()),
        },
    };
    Response { status: "200 OK", content_type, body, head_only: method == "HEAD", connection: kept(version, headers) }
}

impl Response {
    /// After an error nothing is certain of what follows, so nothing that follows is read.
    fn error(status: &'static str) -> Self {
        let body = format!("{status}\n");
        Self { status, content_type: "text/plain; charset=utf-8", body, head_only: false, connection: Kept::Close }
    }

    fn append_to(&self, reply: &mut Vec<u8>, close: bool) {
        let mut head = String::with_capacity(384);
        let _ = write!(
            head,
            "HTTP/1.1 {}\r\nDate: {}\r\nServer: tlstool\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n",
            self.status,
            httpdate::fmt_http_date(SystemTime::now()),
            self.content_type,
            self.body.len(),
        );
        if self.status.starts_with("405") {
            head.push_str("Allow: GET, HEAD\r\n");
        }
        match self.connection {
            _ if close => head.push_str("Connection: close\r\n"),
            Kept::Said => head.push_str("Connection: keep-alive\r\n"),
            Kept::Silently | Kept::Close => {}
        }
        head.push_str("\r\n");
        reply.extend_from_slice(head.as_bytes());
        if !self.head_only {
            reply.extend_from_slice(self.body.as_bytes());
        }
    }
}

enum View {
    Html,
    Json,
    Text,
}

/// Without a query. The absolute form, as proxies get it, has the path behind the authority (RFC 9112 section 3.2.2).
fn path(target: &str) -> &str {
    let path = target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
    path.split('?').next().unwrap_or(path)
}

/// By path, then by what the client would rather have. Weights are not compared: who names a type is taken at his word.
fn view(path: &str, headers: &[Header<'_>]) -> View {
    if path == "/json" {
        return View::Json;
    }
    let accepts = |wanted: &str| values(headers, "accept").any(|value| media_type(value).eq_ignore_ascii_case(wanted));
    if accepts("text/html") {
        View::Html
    } else if accepts("application/json") {
        View::Json
    } else if accepts("text/plain") {
        View::Text
    } else {
        View::Html
    }
}

fn kept(version: u8, headers: &[Header<'_>]) -> Kept {
    // A body would have to be read before the next request; nobody needs that here.
    let has_body = values(headers, "transfer-encoding").next().is_some()
        || values(headers, "content-length").any(|length| length != "0");
    let says = |option: &str| values(headers, "connection").any(|value| value.eq_ignore_ascii_case(option));
    match version {
        _ if has_body || says("close") => Kept::Close,
        1 => Kept::Silently,
        _ if says("keep-alive") => Kept::Said,
        _ => Kept::Close,
    }
}

/// The members of a list header, over all of its lines. What is not UTF-8 is not one that we know.
fn values<'a>(headers: &'a [Header<'_>], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            tls: Some("1.3"),
            suite: Some("TLS_AES_256_GCM_SHA384".to_owned()),
            group: Some("x25519".to_owned()),
            alpn: None,
            sni: Some("localhost".to_owned()),
            client_certificate: None,
            early_data: None,
            kind: Some("full"),
            peer: "127.0.0.1:4711".to_owned(),
        }
    }

    fn ask(input: &str) -> (Answered, String) {
        let mut reply = Vec::new();
        let site = Site { facts: &facts(), metrics: Some(&|| "counted\n".to_owned()) };
        let answered = answer(input.as_bytes(), &site, false, &mut reply);
        (answered, String::from_utf8(reply).unwrap())
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        for accept in ["text/html", "text/plain", "application/json", "*/*"] {
            let (answered, reply) = ask(&format!("GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n"));
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
            assert!(!answered.close);
        }
        let plain = String::from_utf8(PLAIN_REQUEST_ANSWER.to_vec()).unwrap();
        let (head, body) = plain.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }

    #[test]
    fn metrics_are_there_for_those_who_asked_for_them_to_be() {
        let request = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let (answered, reply) = ask(request);
        assert!(reply.ends_with("\r\n\r\ncounted\n") && reply.contains("Content-Type: text/plain; version=0.0.4"));
        assert_eq!(answered.requests, 1);
        let mut reply = Vec::new();
        answer(request.as_bytes(), &Site { facts: &facts(), metrics: None }, false, &mut reply);
        assert!(String::from_utf8(reply).unwrap().contains("Content-Type: text/html"));
    }

    #[test]
    fn a_head_request_gets_the_length_and_no_body() {
        let (_, reply) = ask("HEAD /json HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(reply.contains(&format!("Content-Length: {}\r\n", facts().json().len())));
        assert!(reply.ends_with("\r\n\r\n"));
    }

    #[test]
    fn the_client_chooses_the_format() {
        let kind = |request: &str| {
            let (_, reply) = ask(request);
            reply.split_once("Content-Type: ").unwrap().1.split([';', '\r']).next().unwrap().to_owned()
        };
        assert_eq!(kind("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"), "text/html");
        assert_eq!(kind("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/plain;q=0.5\r\n\r\n"), "text/plain");
        assert_eq!(kind("GET / HTTP/1.1\r\nHost: a\r\naccept: text/html, text/plain\r\n\r\n"), "text/html");
        assert_eq!(kind("GET /json?x HTTP/1.1\r\nHost: a\r\n\r\n"), "application/json");
        assert_eq!(kind("GET https://a/json HTTP/1.1\r\nHost: a\r\n\r\n"), "application/json");
    }

    #[test]
    fn bad_requests_are_answered_and_end_the_connection() {
        let status = |request: &str| {
            let (answered, reply) = ask(request);
            assert!(answered.close && reply.contains("\r\nConnection: close\r\n"));
            reply[9..12].to_owned()
        };
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "400");
        assert_eq!(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400");
        assert_eq!(status("\u{1}\u{2}\u{3}"), "400");
        assert_eq!(status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), "405");
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(MAX_HEAD))), "431");
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MAX_HEADERS + 1))), "431");
    }

    #[test]
    fn connections_are_kept_as_the_version_says() {
        let kept = |request: &str| {
            let (answered, reply) = ask(request);
            (!answered.close, reply.contains("Connection: keep-alive"))
        };
        assert_eq!(kept("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (true, false));
        assert_eq!(kept("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), (false, false));
        assert_eq!(kept("GET / HTTP/1.0\r\n\r\n"), (false, false));
        assert_eq!(kept("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), (true, true));
        assert_eq!(kept("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), (false, false));
    }

    #[test]
    fn pipelined_requests_are_answered_in_good_pieces() {
        let one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let (answered, reply) = ask(&format!("{one}{one}GET / HT"));
        assert_eq!(answered, Answered { used: 2 * one.len(), more: false, close: false, requests: 2 });
        assert_eq!(reply.matches("200 OK").count(), 2);
        let (answered, reply) = ask(&one.repeat(2000));
        assert!(answered.more && answered.used < 2000 * one.len() && reply.len() < ENOUGH + 4096);
        assert_eq!(reply.matches("200 OK").count() * one.len(), answered.used);
    }

    #[test]
    fn a_server_that_stops_says_so_with_its_next_answer() {
        let mut reply = Vec::new();
        let site = Site { facts: &facts(), metrics: None };
        let answered = answer(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &site, true, &mut reply);
        assert!(answered.close && String::from_utf8(reply).unwrap().contains("Connection: close"));
    }
}
