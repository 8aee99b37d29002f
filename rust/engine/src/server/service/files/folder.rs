//! From the path of a request to an open file, with no way out of the folder: not by `..`, not by a link, in no encoding.

use std::fmt::{Display, Write};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::super::http::Response;
use crate::error::reason;
use crate::{Error, Result};

/// What stands for itself in a path (RFC 3986 section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path below the folder, as a client asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Names: none is empty, `.`, `..`, or has a slash or a NUL in it.
    names: Vec<Vec<u8>>,
    /// It ends in a slash.
    pub wants_folder: bool,
}

impl Path {
    /// From a request's path. It is decoded once: what is encoded twice is the name of a file with a `%` in it.
    pub fn decode(sent: &str) -> std::result::Result<Self, Refusal> {
        let path: Vec<u8> = percent_decode_str(sent).collect();
        if path.first() != Some(&b'/') || path.contains(&0) {
            return Err(Refusal::BadPath);
        }
        let mut path = Self { names: Vec::new(), wants_folder: false }.with(&path);
        // Clients take `..` out themselves (RFC 3986 section 5.2.4). Who does not wants something else.
        if path.names.iter().any(|name| name == b"..") {
            return Err(Refusal::BadPath);
        }
        path.names.shrink_to_fit();
        Ok(path)
    }

    fn with(mut self, path: &[u8]) -> Self {
        for name in path.split(|byte| *byte == b'/') {
            self.wants_folder = name.is_empty() || name == b".";
            if !self.wants_folder {
                self.names.push(name.to_vec());
            }
        }
        self
    }

    /// A file in this folder.
    pub fn join(&self, name: &[u8]) -> Self {
        let mut path = self.clone();
        path.names.push(name.to_vec());
        path.wants_folder = false;
        path
    }

    /// The last name; empty for the folder itself.
    pub fn name(&self) -> &[u8] {
        self.names.last().map_or(&[], Vec::as_slice)
    }

    pub fn is_root(&self) -> bool {
        self.names.is_empty()
    }

    /// For people, with a slash at its end.
    pub fn shown(&self) -> String {
        self.spelled(|name| String::from_utf8_lossy(name))
    }

    /// For a `Location`, with a slash at its end. It never begins with two, which would lead to another host.
    pub fn encoded(&self) -> String {
        self.spelled(encoded)
    }

    fn spelled<'a, N: Display>(&'a self, spell: impl Fn(&'a [u8]) -> N) -> String {
        self.names.iter().fold("/".to_owned(), |mut path, name| {
            let _ = write!(path, "{}/", spell(name));
            path
        })
    }

    /// For the system, relative to the folder.
    fn relative(&self) -> Vec<u8> {
        if self.is_root() { b".".to_vec() } else { self.names.join(&b'/') }
    }
}

/// A name as a part of a URL.
pub fn encoded(name: &[u8]) -> impl Display + '_ {
    percent_encode(name, ENCODED)
}

/// Why a path leads to nothing that a client may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    BadPath,
    NotFound,
    Forbidden,
    Link,
    PrivateKey,
    /// It may go better later.
    Busy,
    Unreadable,
}

impl Refusal {
    pub fn response(self) -> Response {
        let (status, words) = match self {
            Self::BadPath => ("400 Bad Request", "This path is none: it goes upwards, or has a NUL in it."),
            Self::NotFound => ("404 Not Found", "There is no such file."),
            Self::Forbidden => ("403 Forbidden", "This is no file that can be served."),
            Self::Link => ("403 Forbidden", "There is a symbolic link on this path, and links are not followed."),
            Self::PrivateKey => ("403 Forbidden", "This file holds a private key, and those are not served."),
            Self::Busy => ("503 Service Unavailable", "The file cannot be opened just now."),
            Self::Unreadable => ("500 Internal Server Error", "The file cannot be read."),
        };
        Response::explained(status, words)
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => Self::NotFound,
            Errno::ACCESS | Errno::PERM | Errno::NXIO => Self::Forbidden,
            Errno::LOOP | Errno::XDEV | Errno::MLINK => Self::Link,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::INTR => Self::Busy,
            _ => Self::Unreadable,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Errno::from_io_error(&error).map_or(Self::Unreadable, Self::from)
    }
}

/// What a path leads to.
pub enum Entry {
    File(File, Metadata),
    Folder(OwnedFd),
}

/// The folder that is served.
pub struct Folder {
    root: OwnedFd,
    /// Files that are not served, whatever they hold: device and number.
    withheld: Vec<(u64, u64)>,
    /// Whether the system resolves whole paths below a folder.
    resolves: bool,
}

/// A file is opened without waiting, lest a pipe hold up the worker until somebody writes to it.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Folder {
    /// The folder at `path`, which may be a link; files in `withheld` that are not there are nowhere in it.
    pub fn open(path: &str, withheld: &[String]) -> Result<Self> {
        let unreadable =
            |errno: Errno| Error::local("file-unreadable", format!("{path} cannot be read: {}", reason(errno)));
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(unreadable)?;
        let withheld = withheld.iter().filter_map(|path| std::fs::metadata(path).ok());
        let withheld = withheld.map(|about| (about.dev(), about.ino())).collect();
        let resolves = resolved(&root, b".").is_ok();
        Ok(Self { root, withheld, resolves })
    }

    pub fn find(&self, path: &Path) -> std::result::Result<Entry, Refusal> {
        let found = if self.resolves { resolved(&self.root, &path.relative()) } else { self.walked(path) };
        let file = File::from(found?);
        let about = file.metadata()?;
        if self.withheld.contains(&(about.dev(), about.ino())) {
            return Err(Refusal::PrivateKey);
        }
        if about.is_dir() {
            Ok(Entry::Folder(file.into()))
        } else if about.is_file() {
            Ok(Entry::File(file, about))
        } else {
            Err(Refusal::Forbidden)
        }
    }

    /// Name by name, where the system has nothing better. A link is noticed when it is opened, not before, so that there is no time
    /// in which it could take a file's place.
    fn walked(&self, path: &Path) -> std::result::Result<OwnedFd, Errno> {
        let Some((last, folders)) = path.names.split_last() else {
            return openat(&self.root, c".", READ, Mode::empty());
        };
        let mut at = self.root.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        for name in folders {
            at = openat(&at, name.as_slice(), READ | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
        }
        openat(&at, last.as_slice(), READ | OFlags::NOFOLLOW, Mode::empty())
    }
}

/// Below `root`, in one step, by Linux 5.6 and later (openat2(2)).
#[cfg(target_os = "linux")]
fn resolved(root: &OwnedFd, path: &[u8]) -> std::result::Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};

    let below = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(root, std::ffi::OsStr::from_bytes(path), READ, Mode::empty(), below)
}

#[cfg(not(target_os = "linux"))]
fn resolved(_root: &OwnedFd, _path: &[u8]) -> std::result::Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    /// A folder of its own for a test; gone at its end.
    pub struct Temporary(pub PathBuf);

    impl Temporary {
        pub fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("tlstool-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
            std::fs::write(self.0.join(name), content).unwrap();
        }

        pub fn folder(&self) -> Folder {
            Folder::open(self.0.to_str().unwrap(), &[]).unwrap()
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn kind(folder: &Folder, path: &str) -> std::result::Result<&'static str, Refusal> {
        folder.find(&Path::decode(path)?).map(|entry| match entry {
            Entry::File(..) => "file",
            Entry::Folder(_) => "folder",
        })
    }

    /// The ways in which a server could open files: that of this system, and that of those that have less.
    fn both_ways(temporary: &Temporary) -> [Folder; 2] {
        let mut walking = temporary.folder();
        walking.resolves = false;
        [temporary.folder(), walking]
    }

    #[test]
    fn links_lead_nowhere_at_any_place_of_a_path() {
        let temporary = Temporary::new("links");
        std::fs::create_dir_all(temporary.0.join("served/inner")).unwrap();
        temporary.write("secret", "outside");
        temporary.write("served/inner/file", "inside");
        symlink("../secret", temporary.0.join("served/up")).unwrap();
        symlink("/etc", temporary.0.join("served/etc")).unwrap();
        symlink("inner", temporary.0.join("served/same")).unwrap();
        symlink("inner/file", temporary.0.join("served/file")).unwrap();
        for mut folder in both_ways(&temporary) {
            folder.root = rustix::fs::open(temporary.0.join("served"), OFlags::RDONLY, Mode::empty()).unwrap();
            assert_eq!(kind(&folder, "/inner/file"), Ok("file"));
            assert_eq!(kind(&folder, "/inner/../inner/file"), Err(Refusal::BadPath));
            for link in ["/up", "/file", "/etc/passwd", "/same/file", "/etc", "/same/"] {
                let refusal = kind(&folder, link).unwrap_err();
                assert!(matches!(refusal, Refusal::Link | Refusal::NotFound), "{link}: {refusal:?}");
            }
        }
    }

    #[test]
    fn only_files_and_folders_are_found() {
        let temporary = Temporary::new("kinds");
        temporary.write("file", "");
        std::fs::create_dir_all(temporary.0.join("a folder")).unwrap();
        let pipe = temporary.0.join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _listening = std::os::unix::net::UnixListener::bind(temporary.0.join("socket")).unwrap();
        for folder in both_ways(&temporary) {
            assert_eq!((kind(&folder, "/"), kind(&folder, "/file")), (Ok("folder"), Ok("file")));
            assert_eq!((kind(&folder, "/a%20folder"), kind(&folder, "//a folder/.//")), (Ok("folder"), Ok("folder")));
            assert_eq!(
                (kind(&folder, "/pipe"), kind(&folder, "/socket")),
                (Err(Refusal::Forbidden), Err(Refusal::Forbidden))
            );
            assert_eq!(
                (kind(&folder, "/none"), kind(&folder, "/file/x")),
                (Err(Refusal::NotFound), Err(Refusal::NotFound))
            );
            assert_eq!(kind(&folder, &format!("/{}", "x".repeat(300))), Err(Refusal::NotFound));
        }
    }

    #[test]
    fn no_spelling_of_a_path_has_a_way_up_in_it() {
        // Every string of up to five of these, which are all that a way up could be spelled with.
        const PARTS: [&str; 9] = ["/", ".", "..", "%2e", "%2E", "%2f", "%5c", "%00", "a"];
        let temporary = Temporary::new("spellings");
        let folder = temporary.folder();
        for number in 0..PARTS.len().pow(5) {
            let digits = (0..5).map(|place| PARTS[number / PARTS.len().pow(place) % PARTS.len()]);
            let sent = format!("/{}", digits.collect::<String>());
            let Ok(path) = Path::decode(&sent) else { continue };
            for name in &path.names {
                assert!(!name.is_empty() && name != b"." && name != b"..", "{sent}");
                assert!(!name.contains(&b'/') && !name.contains(&0), "{sent}");
            }
            // The folder is empty: there is nothing in it to be found but itself.
            let found = kind(&folder, &sent);
            assert!(found == Err(Refusal::NotFound) || found == Ok("folder") && path.is_root(), "{sent}: {found:?}");
        }
    }

    #[test]
    fn a_path_has_to_begin_at_the_root() {
        for bad in ["", "*", "a", "localhost:443", "%2e%2e/", "/a%00.txt", "/a/..", "/%2E%2e/a"] {
            assert_eq!(Path::decode(bad), Err(Refusal::BadPath), "{bad}");
        }
        let path = Path::decode("/%252e%252e/a%2Fb/").unwrap();
        assert_eq!((path.encoded().as_str(), path.wants_folder), ("/%252e%252e/a/b/", true));
    }

    #[test]
    fn a_file_that_is_withheld_is_not_served_under_any_name() {
        let temporary = Temporary::new("withheld");
        temporary.write("key", "no key by its looks");
        std::fs::hard_link(temporary.0.join("key"), temporary.0.join("other")).unwrap();
        let withheld = [temporary.0.join("key").to_str().unwrap().to_owned(), "/nowhere/at/all".to_owned()];
        let folder = Folder::open(temporary.0.to_str().unwrap(), &withheld).unwrap();
        assert_eq!(kind(&folder, "/key"), Err(Refusal::PrivateKey));
        assert_eq!(kind(&folder, "/other"), Err(Refusal::PrivateKey));
    }
}
