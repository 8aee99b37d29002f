//! Why a file is no library that this process can load: said before the loader says it in its own words.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::reason;
use crate::{Error, Result};

/// Bytes of an ELF header up to and with the machine, at offset 18.
const HEADER: usize = 20;

/// Fail with the cause unless `path` is a file for the loader. Where libraries are not ELF, the loader alone judges.
pub fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    // A pipe would be waited for, and a device has no end.
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(bad_library(&format!("{shown} is no regular file")));
    }
    let header = header(path).map_err(|why| bad_library(&format!("{shown} cannot be read: {}", reason(why))))?;
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let Ok(own) = self::header(Path::new("/proc/self/exe")) else { return Ok(()) };
    if header.starts_with(b"\x7fELF") && header.len() == HEADER {
        // Class, byte order and machine.
        if (&header[4..6], &header[18..]) == (&own[4..6], &own[18..]) {
            return Ok(());
        }
        return Err(bad_library(&format!("{shown} is built for another architecture than this Python")));
    }
    Err(bad_library(&format!("{shown} is no shared library")))
}

/// The error for a file that is not what `--against` takes.
pub fn bad_library(why: &str) -> Error {
    Error::local("bad-library", why)
}

fn header(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(HEADER);
    File::open(path)?.take(HEADER as u64).read_to_end(&mut header)?;
    Ok(header)
}
