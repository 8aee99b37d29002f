#![allow(clippy::unwrap_used)]

use super::super::bulk::{Body, Bulk, CHUNK, PATTERN};
use super::request::{MAX_HEAD, MAX_HEADERS};
use super::*;

/// An application with a path a kind of answer; what is put to it comes back.
struct Kinds;

impl Application for Kinds {
    fn answer(&mut self, request: &Request<'_>, _asker: &Asker<'_>) -> Answer {
        if request.path() == "/upload" {
            return Answer::Upload(Box::<Copied>::default());
        }
        if let Err(refusal) = request.only(&["GET", "HEAD"]) {
            return Answer::Response(refusal);
        }
        let body = |length| Content::Body { body: Body::Pattern(length), length };
        Answer::Response(match request.path() {
            "/large" => Response::new("200 OK", body(Some(100_000))),
            "/endless" => Response::new("200 OK", body(None)),
            "/unchanged" => Response::new("304 Not Modified", Content::Nothing),
            path => Response::explained("200 OK", path),
        })
    }
}

#[derive(Default)]
struct Copied(Vec<u8>);

impl Upload for Copied {
    fn take(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&mut self) -> Response {
        Response::new("200 OK", Content::Bytes(std::mem::take(&mut self.0)))
    }
}

/// A connection whose client takes everything at once.
struct Dialogue {
    http: Http<Kinds>,
    stopping: bool,
    /// Turns until the client has to say more, at most.
    turns: usize,
}

impl Dialogue {
    fn new() -> Self {
        Self { http: Http::new(Kinds, true), stopping: false, turns: 1000 }
    }

    /// What is said to these bytes, and what is waited for then.
    fn hear(&mut self, bytes: &[u8]) -> (Vec<u8>, Next) {
        let (mut heard, mut said, mut bulk) = (bytes.to_vec(), Vec::new(), Bulk::default());
        let mut next = None;
        for _ in 0..self.turns {
            let mut reply = Vec::new();
            let mut talk = Talk {
                heard: &mut heard,
                reply: &mut reply,
                bulk: &mut bulk,
                facts: &|| panic!("not asked for"),
                hello: &|| panic!("not asked for"),
                metrics: &|| "counted\n".to_owned(),
                requests: 0,
                stopping: self.stopping,
                progress: false,
                forward: None,
                error: None,
            };
            let now = if next.is_none() { self.http.hear(&mut talk) } else { self.http.go_on(&mut talk) };
            heard.clear();
            said.extend(reply);
            said.extend_from_slice(bulk.piece());
            bulk.clear();
            next = Some(now);
            if now != Next::GoOn {
                break;
            }
        }
        (said, next.unwrap())
    }

    fn ask(&mut self, text: &str) -> (String, Next) {
        let (said, next) = self.hear(text.as_bytes());
        (String::from_utf8(said).unwrap(), next)
    }
}

fn ask(text: &str) -> (String, Next) {
    Dialogue::new().ask(text)
}

/// The status of an answer after which the connection ends, and says so.
fn refused(request: &str) -> String {
    let (reply, next) = ask(request);
    assert!(next == Next::Close && reply.contains("\r\nConnection: close\r\n"), "{request}: {reply}");
    reply[9..12].to_owned()
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    for path in ["/some", "/large"] {
        let (head, _) = ask(&format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let (get, _) = ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let length =
            |reply: &str| reply.split_once("Content-Length: ").unwrap().1.split("\r\n").next().unwrap().to_owned();
        assert_eq!(length(&head), length(&get));
        assert!(head.ends_with("\r\n\r\n") && get.len() > head.len());
        assert_eq!(length(&get), get.split_once("\r\n\r\n").unwrap().1.len().to_string());
    }
    let (reply, next) = ask("GET /unchanged HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(reply.ends_with("\r\n\r\n") && !reply.contains("Content-Length") && next == Next::Listen);
}

#[test]
fn bad_requests_are_answered_and_end_the_connection() {
    let post = "POST /upload HTTP/1.1\r\nHost: a\r\n";
    assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), "400");
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400");
    assert_eq!(refused("\u{1}\u{2}\u{3}"), "400");
    assert_eq!(refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), "405");
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(MAX_HEAD))), "431");
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MAX_HEADERS + 1))), "431");
    assert_eq!(refused(&format!("{post}Transfer-Encoding: chunked\r\n\r\nx\r\n")), "400");
    assert_eq!(refused(&format!("{post}Expect: a miracle\r\n\r\n")), "417");
}

#[test]
fn a_body_whose_end_could_be_read_in_two_ways_is_refused() {
    for (fields, status) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "400"),
        ("Content-Length: 3\r\nContent-Length: 4\r\n", "400"),
        ("Content-Length: 3, 4\r\n", "400"),
        ("Content-Length: +3\r\n", "400"),
        ("Content-Length: -3\r\n", "400"),
        ("Content-Length: \r\n", "400"),
        ("Content-Length: 99999999999999999999\r\n", "400"),
        ("Transfer-Encoding: gzip, chunked\r\n", "501"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "501"),
        ("Transfer-Encoding: \u{b}chunked\r\n", "400"),
    ] {
        assert_eq!(refused(&format!("PUT /upload HTTP/1.1\r\nHost: a\r\n{fields}\r\nabc")), status, "{fields}");
    }
    assert_eq!(refused("PUT /upload HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400");
}

#[test]
fn connections_are_kept_as_the_version_says() {
    let kept = |request: &str| {
        let (reply, next) = ask(request);
        (next == Next::Listen, reply.contains("Connection: keep-alive"))
    };
    assert_eq!(kept("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (true, false));
    assert_eq!(kept("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), (true, false));
    assert_eq!(kept("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), (true, false));
    assert_eq!(kept("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), (true, false));
    assert_eq!(kept("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), (false, false));
    assert_eq!(kept("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), (false, false));
    assert_eq!(kept("GET / HTTP/1.0\r\n\r\n"), (false, false));
    assert_eq!(kept("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), (true, true));
    assert_eq!(kept("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), (false, false));
}

#[test]
fn the_path_is_that_of_the_target_in_any_form() {
    for (target, path) in [
        ("/a?b", "/a"),
        ("/", "/"),
        ("https://a/b/c?d", "/b/c"),
        ("https://a", "/"),
        ("https://a?b", "/"),
        ("/a://b/c", "/a://b/c"),
        ("/a?b://c/d", "/a"),
    ] {
        let (reply, _) = ask(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(reply.ends_with(&format!("\r\n\r\n{path}\n")), "{target}: {reply}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_and_in_good_pieces() {
    let requests: String = (0..2000)
        .flat_map(|number| ["GET /".to_owned(), number.to_string(), " HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()])
        .collect();
    let mut dialogue = Dialogue { turns: 1, ..Dialogue::new() };
    let (first, next) = dialogue.ask(&(requests + "GET / HT"));
    assert!(next == Next::GoOn && first.len() < ENOUGH + 4096 && !dialogue.http.is_idle());
    dialogue.turns = 1000;
    let (rest, next) = dialogue.ask("");
    assert_eq!(next, Next::Listen);
    let all = first + &rest;
    let bodies: Vec<_> =
        all.lines().filter_map(|line| line.strip_prefix('/')).map(|n| n.parse::<usize>().unwrap()).collect();
    assert_eq!(bodies, (0..2000).collect::<Vec<_>>());
    let (last, _) = dialogue.ask("TP/1.1\r\nHost: a\r\n\r\n");
    assert!(last.starts_with("HTTP/1.1 200 OK") && dialogue.http.is_idle());
}

#[test]
fn a_request_behind_a_large_response_is_not_lost() {
    let one = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    let (replies, next) = ask(&format!("{one}{one}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    assert_eq!((replies.matches("HTTP/1.1 200 OK").count(), next), (3, Next::Close));
    let (_, after) = replies.split_once("\r\n\r\n").unwrap();
    assert!(after.as_bytes()[..100_000].iter().zip(PATTERN.iter().cycle()).all(|(a, b)| a == b));
}

#[test]
fn bodies_are_taken_however_they_come() {
    let put = "PUT /upload HTTP/1.1\r\nHost: a\r\n";
    let length = format!("{put}Content-Length: 5\r\n\r\nhello");
    let chunked = format!("{put}Transfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    for requests in [length.repeat(3), chunked.repeat(3), format!("{length}{chunked}{length}")] {
        for size in [1, 7, requests.len()] {
            let mut dialogue = Dialogue::new();
            let replies: String = requests
                .as_bytes()
                .chunks(size)
                .map(|piece| String::from_utf8(dialogue.hear(piece).0).unwrap())
                .collect();
            assert_eq!(replies.matches("\r\n\r\nhello").count(), 3, "{size}: {replies}");
            assert!(dialogue.http.is_idle());
        }
    }
}

#[test]
fn leave_to_go_on_is_given_to_those_who_wait_for_it() {
    let put = "PUT /upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let mut dialogue = Dialogue::new();
    assert_eq!(dialogue.ask(put), ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), Next::Listen));
    assert!(!dialogue.http.is_idle());
    let (reply, next) = dialogue.ask("hello");
    assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.ends_with("hello") && next == Next::Listen);
    assert!(!ask(&format!("{put}hello")).0.contains("100 Continue"));
    // HTTP/1.0 has no interim responses; a refusal comes at once.
    assert_eq!(ask("PUT /upload HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").0, "");
    assert_eq!(refused(&put.replace("/upload", "/")), "405");
}

#[test]
fn a_server_that_stops_says_so_with_its_next_answer() {
    let mut dialogue = Dialogue { stopping: true, ..Dialogue::new() };
    let (reply, next) = dialogue.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(next == Next::Close && reply.contains("Connection: close"));
    let mut dialogue = Dialogue { stopping: true, ..Dialogue::new() };
    let (reply, next) = dialogue.ask("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(next == Next::Close && reply.len() > 100_000);
}

#[test]
fn what_has_no_end_goes_on_until_the_server_stops() {
    let mut dialogue = Dialogue { turns: 50, ..Dialogue::new() };
    let (reply, next) = dialogue.ask("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(next == Next::GoOn && reply.contains("Connection: close") && !reply.contains("Content-Length"));
    assert!(reply.len() > 49 * CHUNK && dialogue.http.is_endless());
    dialogue.stopping = true;
    dialogue.turns = 1;
    assert_eq!(dialogue.ask(""), (String::new(), Next::Close));
}

#[test]
fn metrics_are_there_for_those_who_asked_for_them_to_be() {
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    let (reply, _) = ask(request);
    assert!(reply.ends_with("\r\n\r\ncounted\n") && reply.contains("Content-Type: text/plain; version=0.0.4"));
    let mut without = Dialogue { http: Http::new(Kinds, false), ..Dialogue::new() };
    assert!(without.ask(request).0.ends_with("\r\n\r\n/metrics\n"));
    assert_eq!(refused("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), "405");
}
