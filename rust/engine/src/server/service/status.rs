//! The status page: what was negotiated, and what the client offered, for whoever asks. A path a view; what the others show is up
//! to what the client would rather have.

use super::html::POLICY;
use super::http::{Answer, Application, Asker, Content, Request, Response};
use super::page::Page;

pub struct Status;

#[derive(Clone, Copy)]
enum View {
    Html,
    Json,
    Text,
}

impl Application for Status {
    fn answer(&mut self, request: &Request<'_>, asker: &Asker<'_>) -> Answer {
        if let Err(refusal) = request.only(&["GET", "HEAD"]) {
            return Answer::Response(refusal);
        }
        let view = match request.path() {
            "/json" => View::Json,
            _ => preferred(request),
        };
        Answer::Response(shown(view, &Page { facts: (asker.facts)(), hello: (asker.hello)() }))
    }
}

fn shown(view: View, page: &Page) -> Response {
    let (content_type, body) = match view {
        View::Html => ("text/html; charset=utf-8", page.html()),
        View::Json => ("application/json", page.json()),
        View::Text => ("text/plain; charset=utf-8", page.text()),
    };
    let mut response = Response::new("200 OK", Content::Bytes(body.into_bytes()));
    response.field("Content-Type", content_type);
    response.field("Cache-Control", "no-store");
    response.field("Content-Security-Policy", POLICY);
    response
}

/// Weights are not compared: who names a type is taken at his word.
fn preferred(request: &Request<'_>) -> View {
    let accepts = |wanted: &str| request.values("accept").any(|value| media_type(value).eq_ignore_ascii_case(wanted));
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

fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use httparse::EMPTY_HEADER;

    use super::super::http::Parsed;
    use super::super::page::tests::facts;
    use super::*;

    #[test]
    fn the_client_chooses_the_format() {
        let kind = |request: &str| {
            let mut headers = [EMPTY_HEADER; 8];
            let Parsed::Whole(request, _) = Request::parse(request.as_bytes(), &mut headers) else {
                panic!("{request}")
            };
            let answer = Status.answer(&request, &Asker { facts: &facts, hello: &|| None });
            let Answer::Response(response) = answer else { panic!("no response") };
            let mut reply = Vec::new();
            response.write_to(&mut reply, request.kept(), false);
            let reply = String::from_utf8(reply).unwrap();
            reply.split_once("Content-Type: ").unwrap().1.split([';', '\r']).next().unwrap().to_owned()
        };
        assert_eq!(kind("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"), "text/html");
        assert_eq!(kind("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/plain;q=0.5\r\n\r\n"), "text/plain");
        assert_eq!(kind("GET / HTTP/1.1\r\nHost: a\r\naccept: text/html, text/plain\r\n\r\n"), "text/html");
        assert_eq!(kind("GET /json?x HTTP/1.1\r\nHost: a\r\n\r\n"), "application/json");
        assert_eq!(kind("GET https://a/json HTTP/1.1\r\nHost: a\r\n\r\n"), "application/json");
    }
}
