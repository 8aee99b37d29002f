//! What is in a folder, for people.

use std::fmt::Write;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, statat};

use super::super::html::{Escaped, POLICY, begin, end};
use super::super::http::{Content, Response};
use super::folder::{Path, Refusal, encoded};
use crate::certs::time;

/// Names that are shown: to look at each takes time in which the worker's other connections wait.
const MOST: usize = 1000;

struct Row {
    name: Vec<u8>,
    /// None for a folder.
    size: Option<u64>,
    modified: Option<String>,
}

/// The page for the folder that is open as `opened`.
pub fn page(path: &Path, opened: &OwnedFd) -> Result<Response, Refusal> {
    let (mut rows, complete) = rows(opened)?;
    rows.sort_by(|a, b| (a.size.is_some(), &a.name).cmp(&(b.size.is_some(), &b.name)));
    let shown = path.shown();
    let mut page = begin(&Escaped(&shown));
    let _ = writeln!(page, "<h1>{}</h1>\n<table>", Escaped(&shown));
    if !path.is_root() {
        page.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for row in &rows {
        write_row(&mut page, row);
    }
    page.push_str("</table>\n");
    if rows.is_empty() {
        page.push_str("<p>This folder is empty.</p>\n");
    }
    if !complete {
        let _ = writeln!(page, "<p>Only {MOST} of its files are shown.</p>");
    }
    end(&mut page, "Served by tlstool.");
    let mut response = Response::new("200 OK", Content::Bytes(page.into_bytes()));
    response.field("Content-Type", "text/html; charset=utf-8");
    response.field("Cache-Control", "no-cache");
    response.field("Content-Security-Policy", POLICY);
    Ok(response)
}

/// Files and folders, in no order, and whether these are all. Links and devices could not be fetched, so they are left out.
fn rows(opened: &OwnedFd) -> Result<(Vec<Row>, bool), Refusal> {
    let mut rows = Vec::new();
    for entry in Dir::read_from(opened)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if rows.len() == MOST {
            return Ok((rows, false));
        }
        // It may be gone already.
        let Ok(about) = statat(opened, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let size = match FileType::from_raw_mode(about.st_mode) {
            FileType::RegularFile => Some(u64::try_from(about.st_size).unwrap_or_default()),
            FileType::Directory => None,
            _ => continue,
        };
        let seconds = u64::try_from(about.st_mtime).ok();
        rows.push(Row { name: name.to_bytes().to_vec(), size, modified: seconds.and_then(day_and_time) });
    }
    Ok((rows, true))
}

fn write_row(page: &mut String, row: &Row) {
    let slash = if row.size.is_none() { "/" } else { "" };
    let name = String::from_utf8_lossy(&row.name);
    // The dot keeps a name with a colon in it from being a scheme.
    let _ = write!(page, "<tr><td><a href=\"./{}{slash}\">{}{slash}</a></td>", encoded(&row.name), Escaped(&name));
    let size = row.size.map_or_else(String::new, readable);
    let _ = writeln!(page, "<td>{size}</td><td>{}</td></tr>", row.modified.as_deref().unwrap_or_default());
}

/// `2026-01-31 12:00`, in UTC; None for what is beyond the years of four digits.
fn day_and_time(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds <= time::LAST)?;
    Some(time::rfc3339(seconds)[..16].replace('T', " "))
}

/// Bytes in the unit that leaves one to three digits before the point.
fn readable(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 1023, 1024, 1536, 1 << 20, 10 << 30, u64::MAX];
        let shown = ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "10.0 GiB", "16383.9 PiB"];
        assert_eq!(sizes.map(readable), shown);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(day_and_time(0).as_deref(), Some("1970-01-01 00:00"));
        assert_eq!(day_and_time(1_709_210_096).as_deref(), Some("2024-02-29 12:34"));
        assert_eq!(day_and_time(253_402_300_800), None);
    }
}
