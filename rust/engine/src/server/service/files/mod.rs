//! The files of a folder over HTTP: whole, in part, or not at all if the client has them already.

mod conditions;
mod folder;
mod keys;
mod listing;
mod part;

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::bulk::{Body, CHUNK, read_at};
use super::http::{Answer, Application, Asker, Content, Request, Response};
use conditions::Validators;
pub use folder::Folder;
use folder::{Entry, Path, Refusal};
use part::Part;

/// What is sent in one piece with the head of its response: a record's worth.
const SMALL: u64 = 16_384;

/// What a client finds where a folder is asked for.
const INDEX: &[u8] = b"index.html";

/// For one connection.
pub struct Files(pub Arc<Folder>);

impl Application for Files {
    fn answer(&mut self, request: &Request<'_>, _asker: &Asker<'_>) -> Answer {
        let response = match request.only(&["GET", "HEAD"]) {
            Ok(()) => found(&self.0, request).unwrap_or_else(Refusal::response),
            Err(refusal) => refusal,
        };
        Answer::Response(response)
    }
}

fn found(folder: &Folder, request: &Request<'_>) -> Result<Response, Refusal> {
    let (sent, query) = request.path_and_query();
    let path = Path::decode(sent)?;
    match folder.find(&path)? {
        Entry::File(..) if path.wants_folder => Err(Refusal::NotFound),
        Entry::File(file, about) => content(request, &path, file, &about),
        Entry::Folder(_) if !path.wants_folder => Ok(moved(&path, query)),
        Entry::Folder(opened) => {
            let index = path.join(INDEX);
            match folder.find(&index) {
                Ok(Entry::File(file, about)) => content(request, &index, file, &about),
                Ok(Entry::Folder(_)) | Err(Refusal::NotFound) => listing::page(&path, &opened),
                Err(refusal) => Err(refusal),
            }
        }
    }
}

/// Names in a folder are relative to it only behind a slash.
fn moved(path: &Path, query: Option<&str>) -> Response {
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    let mut response = Response::error("301 Moved Permanently");
    response.field("Location", &(path.encoded() + &query));
    response
}

fn content(request: &Request<'_>, path: &Path, file: File, about: &Metadata) -> Result<Response, Refusal> {
    let validators = Validators::of(about);
    let size = about.size();
    let start = start_of(&file, size)?;
    if keys::is_key(&file, &start, size).map_err(Refusal::from)? {
        return Err(Refusal::PrivateKey);
    }
    if validators.are_known_to(request) {
        let mut response = Response::new("304 Not Modified", Content::Nothing);
        validators.tell(&mut response);
        return Ok(response);
    }
    // Parts are for GET alone (RFC 9110 section 14.2).
    let whole = !request.is_get() || !validators.allow_a_part(request);
    let part = if whole { Part::Whole } else { Part::of(request.value("range"), size) };
    let (status, from, to) = match part {
        Part::Whole => ("200 OK", 0, size),
        Part::Some { from, to } => ("206 Partial Content", from, to),
        Part::Nothing => {
            let mut response = Response::error("416 Range Not Satisfiable");
            response.field("Content-Range", &format!("bytes */{size}"));
            return Ok(response);
        }
    };
    let mut response = Response::new(status, body(file, start, from, to));
    response.field("Content-Type", &media_type(path.name()));
    response.field("Accept-Ranges", "bytes");
    validators.tell(&mut response);
    if status.starts_with("206") {
        response.field("Content-Range", &format!("bytes {from}-{}/{size}", to - 1));
    }
    Ok(response)
}

/// All of a small file, and the first bytes of any other one.
fn start_of(file: &File, size: u64) -> Result<Vec<u8>, Refusal> {
    // One byte more would show that it has grown; what it had when it was opened is what is sent.
    let mut start = vec![0; usize::try_from(size.min(SMALL)).unwrap_or_default()];
    let mut filled = 0;
    while filled < start.len() {
        match read_at(file, &mut start[filled..], filled as u64)? {
            0 => return Err(Refusal::Busy),
            count => filled += count,
        }
    }
    Ok(start)
}

fn body(file: File, mut start: Vec<u8>, from: u64, to: u64) -> Content {
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    if let Some((from, to)) = range.filter(|(_, to)| *to <= start.len()) {
        start.truncate(to);
        start.drain(..from);
        return Content::Bytes(start);
    }
    if to - from > CHUNK as u64 {
        read_ahead(&file);
    }
    Content::Body { body: Body::File { file, at: from, end: to }, length: Some(to - from) }
}

/// Let the system read in larger steps, so that a worker waits less often for a disk. It is a wish, and may fail.
fn read_ahead(file: &File) {
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential);
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    let _ = file;
}

/// By the ending of the name.
fn media_type(name: &[u8]) -> String {
    let guess = mime_guess::from_path(String::from_utf8_lossy(name).as_ref()).first_raw();
    let media_type = guess.unwrap_or("application/octet-stream");
    let charset = if media_type.starts_with("text/") { "; charset=utf-8" } else { "" };
    format!("{media_type}{charset}")
}

#[cfg(test)]
mod tests;
