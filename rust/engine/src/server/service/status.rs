//! The status page: what was negotiated, for whoever asks. A path a view; what the others show is up to what the client would
//! rather have.

use super::Facts;
use super::html::POLICY;
use super::http::{Answer, Application, Content, Request, Response};

pub struct Status;

enum View {
    Html,
    Json,
    Text,
}

impl Application for Status {
    fn answer(&mut self, request: &Request<'_>, facts: &dyn Fn() -> Facts) -> Answer {
        if let Err(refusal) = request.only(&["GET", "HEAD"]) {
            return Answer::Response(refusal);
        }
        let view = match request.path() {
            "/json" => View::Json,
            _ => preferred(request),
        };
        Answer::Response(shown(&view, &facts()))
    }
}

fn shown(view: &View, facts: &Facts) -> Response {
    let (content_type, body) = match view {
        View::Html => ("text/html; charset=utf-8", facts.html()),
        View::Json => ("application/json", facts.json()),
        View::Text => ("text/plain; charset=utf-8", facts.text()),
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
