#![allow(clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use super::super::bulk::Bulk;
use super::super::http::Http;
use super::super::{Next, Service, Talk};
use super::folder::tests::Temporary;
use super::*;

/// The answer to one request: its head, and its body.
fn ask(temporary: &Temporary, method: &str, path: &str, fields: &str) -> (String, Vec<u8>) {
    let mut http = Http::new(Files(Arc::new(temporary.folder())), false);
    let mut heard = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
    let (mut said, mut bulk, mut first) = (Vec::new(), Bulk::default(), true);
    loop {
        let mut reply = Vec::new();
        let mut talk = Talk {
            heard: &mut heard,
            reply: &mut reply,
            bulk: &mut bulk,
            facts: &|| panic!("not asked for"),
            hello: &|| panic!("not asked for"),
            metrics: &|| panic!("not asked for"),
            requests: 0,
            stopping: false,
            progress: false,
            forward: None,
            error: None,
        };
        let next = if std::mem::take(&mut first) { http.hear(&mut talk) } else { http.go_on(&mut talk) };
        assert_eq!(talk.error, None);
        heard.clear();
        said.extend(reply);
        said.extend_from_slice(bulk.piece());
        bulk.clear();
        if next != Next::GoOn {
            assert_eq!(next, Next::Listen, "the connection is kept");
            break;
        }
    }
    let end = memchr::memmem::find(&said, b"\r\n\r\n").unwrap() + 4;
    let body = said.split_off(end);
    (String::from_utf8(said).unwrap(), body)
}

fn get(temporary: &Temporary, path: &str, fields: &str) -> (String, Vec<u8>) {
    ask(temporary, "GET", path, fields)
}

fn status(answer: &(String, Vec<u8>)) -> &str {
    &answer.0[9..12]
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    head.split_once(&format!("\r\n{name}: "))
        .unwrap_or_else(|| panic!("no {name} in {head}"))
        .1
        .split("\r\n")
        .next()
        .unwrap()
}

#[test]
fn files_come_whole_whatever_their_size() {
    let temporary = Temporary::new("sizes");
    for size in [0, 1, 16_384, 16_385, 65_536, 65_537, 1_200_000] {
        let content: Vec<u8> = (0..size).map(|n: u32| u8::try_from(n % 251).unwrap()).collect();
        temporary.write("file.bin", &content);
        let (head, body) = get(&temporary, "/file.bin", "");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == content, "{size}");
        assert_eq!(field(&head, "Content-Length"), size.to_string());
        let (head, body) = ask(&temporary, "HEAD", "/file.bin", "");
        assert_eq!((field(&head, "Content-Length"), body.len()), (&*size.to_string(), 0));
    }
}

#[test]
fn types_are_those_of_the_names() {
    let temporary = Temporary::new("types");
    for (name, media_type) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.PNG", "image/png"),
        ("a.wasm", "application/wasm"),
        ("a.none-such", "application/octet-stream"),
        ("none", "application/octet-stream"),
    ] {
        temporary.write(name, "x");
        assert_eq!(field(&get(&temporary, &format!("/{name}"), "").0, "Content-Type"), media_type);
    }
}

#[test]
fn a_part_is_a_part_and_what_is_beyond_is_refused() {
    let temporary = Temporary::new("parts");
    let content: Vec<u8> = (0..100_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    temporary.write("file", &content);
    for (range, from, to) in
        [("0-0", 0, 1), ("99990-", 99_990, 100_000), ("-5", 99_995, 100_000), ("10-99000", 10, 99_001)]
    {
        let (head, body) = get(&temporary, "/file", &format!("Range: bytes={range}\r\n"));
        assert!(head.starts_with("HTTP/1.1 206 Partial Content\r\n") && body == content[from..to], "{range}: {head}");
        assert_eq!(field(&head, "Content-Range"), format!("bytes {from}-{}/100000", to - 1));
    }
    let beyond = get(&temporary, "/file", "Range: bytes=100000-\r\n");
    assert_eq!((status(&beyond), field(&beyond.0, "Content-Range")), ("416", "bytes */100000"));
    assert_eq!(status(&ask(&temporary, "HEAD", "/file", "Range: bytes=0-1\r\n")), "200");
    let tag = field(&beyond_tag(&temporary), "ETag").to_owned();
    for (condition, wanted) in [(&*tag, "206"), ("\"other\"", "200"), ("Thu, 01 Jan 1970 00:00:00 GMT", "200")] {
        let answer = get(&temporary, "/file", &format!("Range: bytes=0-1\r\nIf-Range: {condition}\r\n"));
        assert_eq!(status(&answer), wanted, "{condition}");
    }
}

fn beyond_tag(temporary: &Temporary) -> String {
    get(temporary, "/file", "").0
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let temporary = Temporary::new("conditions");
    temporary.write("file", "content");
    let file = File::options().write(true).open(temporary.0.join("file")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::new(1_000_000_000, 5)).unwrap();
    let (head, _) = get(&temporary, "/file", "");
    let (tag, modified) = (field(&head, "ETag"), field(&head, "Last-Modified"));
    assert_eq!(modified, "Sun, 09 Sep 2001 01:46:40 GMT");
    let since = |date: &str| status(&get(&temporary, "/file", &format!("If-Modified-Since: {date}\r\n"))).to_owned();
    assert_eq!(
        (since(modified), since("Sun, 09 Sep 2001 01:46:39 GMT"), since("yesterday")),
        ("304".into(), "200".into(), "200".into())
    );
    for (fields, wanted) in [
        (format!("If-None-Match: \"x\", {tag}\r\n"), "304"),
        (format!("If-None-Match: W/{tag}\r\n"), "304"),
        ("If-None-Match: *\r\n".to_owned(), "304"),
        (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {modified}\r\n"), "200"),
    ] {
        let answer = get(&temporary, "/file", &fields);
        assert_eq!((status(&answer), answer.1.is_empty()), (wanted, wanted == "304"), "{fields}");
        assert_eq!(field(&answer.0, "ETag"), tag);
    }
    // Times that HTTP cannot say.
    for seconds in [-5, 300_000_000_000_i64] {
        let at = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: at, last_modification: at };
        if rustix::fs::futimens(&file, &times).is_ok() {
            assert_eq!(
                status(&get(&temporary, "/file", "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n")),
                "200"
            );
        }
    }
}

#[test]
fn folders_have_an_index_or_a_list() {
    let temporary = Temporary::new("folders");
    std::fs::create_dir_all(temporary.0.join("with/<i>")).unwrap();
    std::fs::create_dir_all(temporary.0.join("a b/c")).unwrap();
    temporary.write("with/index.html", "<p>the index");
    temporary.write("a b/javascript:alert(1)", "x");
    temporary.write("a b/&\"'<\n\u{1b}", "x");
    std::os::unix::fs::symlink("/etc/passwd", temporary.0.join("a b/link")).unwrap();
    assert_eq!(get(&temporary, "/with/", "").1, b"<p>the index");
    let moved = get(&temporary, "//with?a=b", "");
    assert_eq!((status(&moved), field(&moved.0, "Location")), ("301", "/with/?a=b"));
    assert_eq!(field(&get(&temporary, "/a%20b", "").0, "Location"), "/a%20b/");
    assert_eq!(status(&get(&temporary, "/with/index.html/", "")), "404");
    let (head, body) = get(&temporary, "/a%20b/", "");
    let page = String::from_utf8(body).unwrap();
    assert_eq!(field(&head, "Content-Type"), "text/html; charset=utf-8");
    assert!(page.contains("<a href=\"./javascript%3Aalert%281%29\">javascript:alert(1)</a>"), "{page}");
    assert!(page.contains("<a href=\"./%26%22%27%3C%0A%1B\">&amp;&quot;&#39;&lt;\u{fffd}\u{fffd}</a>"), "{page}");
    assert!(
        page.contains("<a href=\"./c/\">c/</a>") && page.contains("<a href=\"../\">") && !page.contains(">link<"),
        "{page}"
    );
    assert!(String::from_utf8(get(&temporary, "/", "").1).unwrap().contains("<a href=\"./a%20b/\">a b/</a>"));
}

#[test]
fn what_is_not_to_be_had_is_refused_and_the_connection_is_kept() {
    let temporary = Temporary::new("refusals");
    temporary.write("key.pem", "-----BEGIN EC PRIVATE KEY-----\n");
    for (path, wanted) in
        [("/key.pem", "403"), ("/none", "404"), ("/%00", "400"), ("/../etc/passwd", "400"), ("*", "400")]
    {
        for method in ["GET", "HEAD"] {
            assert_eq!(status(&ask(&temporary, method, path, "")), wanted, "{path}");
        }
    }
    let refusal = ask(&temporary, "DELETE", "/key.pem", "");
    assert_eq!((status(&refusal), field(&refusal.0, "Allow")), ("405", "GET, HEAD"));
}
