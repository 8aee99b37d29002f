//! A foreign libssl as a contestant: OpenSSL, BoringSSL, AWS-LC, `LibreSSL`, told apart by what they say and have, never by a file's name.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::libssl::{Api, Connection, Context, GroupSaid, Link, Session, SignatureSaid};
use super::meter::{Side, Spent};
use super::pair::{Identity, Library, Negotiated, Pair, Signed};
use super::rustls::certificates;
use super::{
    CLIENT, KEPT_SESSIONS, LocalScenario, LocalSpec, MAX_TURNS, chain_does_not_verify, elf, names, not_selectable,
};
use crate::{Error, Result};

/// Room on the wire besides application data: a flight with a long chain.
const FLIGHT: usize = 64 << 10;

/// A record's expansion at most, and the smallest size that a library cuts large writes into.
const EXPANSION: usize = 64;
const RECORD: usize = 1 << 14;

/// What a server's sessions are told from others by.
const SESSION_CONTEXT: &[u8] = b"tlstool";

/// Who the libssl at `paths` is, which may have its libcrypto behind a comma.
pub fn identity(paths: &str) -> Result<Identity> {
    load(paths).map(identity_of)
}

fn load(paths: &str) -> Result<&'static Api> {
    let (library, crypto) = files(paths);
    elf::check(&library)?;
    crypto.iter().try_for_each(|path| elf::check(path))?;
    let api = Api::load(&library, crypto.as_deref())?;
    // Where it is not given, the library's own run path may know better than the folder.
    match crypto.filter(|_| paths.contains(',')) {
        Some(crypto) => api.check_crypto(&library, &crypto).map(|()| api),
        None => Ok(api),
    }
}

fn identity_of(api: &Api) -> Identity {
    let library_version = api.version();
    let library = match library_version.as_str() {
        _ if api.is_aws_lc() => "AWS-LC",
        said if said.contains("BoringSSL") => "BoringSSL",
        said => said.split(' ').next().unwrap_or(said),
    };
    Identity { library: library.to_owned(), library_build: api.build(), library_version }
}

/// A libssl, set as a spec says.
pub struct Foreign {
    api: &'static Api,
    contexts: Arc<Contexts>,
    spec: LocalSpec,
    name: CString,
}

struct Contexts {
    client: Context,
    server: Context,
    /// For clients that resume one session again and again: where a client keeps sessions, OpenSSL resumes one of TLS 1.3 only once
    /// (RFC 8446 appendix C.4).
    reusing: Option<Context>,
}

impl Foreign {
    /// Of the libssl at `paths`, as [`identity`] takes them.
    pub fn new(paths: &str, spec: &LocalSpec) -> Result<Self> {
        let api = load(paths)?;
        if spec.fips && !api.is_fips() {
            return Err(not_selectable(&format!("{} is no FIPS module in its approved mode", api.version())));
        }
        let resume = spec.scenario.is_resumed();
        let reuse = resume && spec.published_method;
        let contexts = Arc::new(Contexts {
            client: client_context(api, spec, resume)?,
            server: server_context(api, spec)?,
            reusing: reuse.then(|| client_context(api, spec, false)).transpose()?,
        });
        Ok(Self { api, contexts, spec: spec.clone(), name: c_string(&spec.server_name)? })
    }
}

impl Library for Foreign {
    fn identity(&self) -> Identity {
        identity_of(self.api)
    }

    fn pair(&self) -> Result<Box<dyn Pair>> {
        let data = self.spec.write_size + (self.spec.write_size / RECORD + 1) * EXPANSION;
        Ok(Box::new(ForeignPair {
            link: Link::new(self.api, FLIGHT, FLIGHT + data)?,
            api: self.api,
            contexts: self.contexts.clone(),
            name: self.name.clone(),
            suite: self.spec.suite.clone(),
            resume: self.spec.scenario.is_resumed(),
            client_auth: self.spec.has_client_auth(),
            published_method: self.spec.published_method,
            session: None,
        }))
    }
}

struct ForeignPair {
    // Dropped before the contexts.
    link: Link,
    api: &'static Api,
    contexts: Arc<Contexts>,
    name: CString,
    suite: String,
    resume: bool,
    client_auth: bool,
    published_method: bool,
    /// What the next handshake resumes.
    session: Option<Session>,
}

impl Pair for ForeignPair {
    fn handshake(&mut self, spent: &mut Spent) -> Result<()> {
        let Self { contexts, link, name, session, client_auth, .. } = self;
        link.clear();
        let mut unpaid = Spent::unmeasured();
        let making = if self.published_method { &mut unpaid } else { &mut *spent };
        let verify_name = !self.published_method;
        let client_context = contexts.reusing.as_ref().filter(|_| session.is_some()).unwrap_or(&contexts.client);
        making.on(Side::Client, || link.connect(client_context, name, verify_name, session.as_ref()))?;
        making.on(Side::Server, || link.accept(&contexts.server))?;
        for _ in 0..MAX_TURNS {
            let client_done = spent
                .on(Side::Client, || link.client()?.handshake())
                .map_err(|error| fault_seen_by(link, Side::Client, &name.to_string_lossy()).unwrap_or(error))?;
            let server_done = spent
                .on(Side::Server, || link.server()?.handshake())
                // Where nothing is verified, BoringSSL has a result all the same, and not a good one.
                .map_err(|error| fault_seen_by(link, Side::Server, CLIENT).filter(|_| *client_auth).unwrap_or(error))?;
            if client_done && server_done {
                return Ok(());
            }
        }
        Err(Error::Internal("the handshake does not come to an end".to_owned()))
    }

    fn settle(&mut self, spent: &mut Spent) -> Result<()> {
        // Not before it has data to send, BoringSSL's server sends the tickets that it has made.
        self.transfer(Side::Server, &[0], &mut [0], spent)?;
        if self.resume {
            self.session = Session::arrived(self.api).or(self.session.take());
        }
        Ok(())
    }

    fn negotiated(&self) -> Result<[Negotiated; 2]> {
        Ok(self.link.ends()?.map(|end| said(end, &self.suite)))
    }

    fn resumed(&self) -> Result<[bool; 2]> {
        Ok(self.link.ends()?.map(Connection::resumed))
    }

    fn transfer(&mut self, from: Side, data: &[u8], received: &mut [u8], spent: &mut Spent) -> Result<()> {
        let sender = self.link.end(from)?;
        spent.on(from, || {
            let mut rest = data;
            while !rest.is_empty() {
                rest = &rest[sender.write(rest)?..];
            }
            Ok::<(), Error>(())
        })?;
        let other = self.link.end(from.other())?;
        spent.on(from.other(), || {
            let mut count = 0;
            while count < data.len() {
                count += other.read(&mut received[count..])?;
            }
            Ok(())
        })
    }

    fn park(&mut self) {
        self.link.park();
    }

    fn clear_park(&mut self) {
        self.link.clear_park();
    }
}

/// The libssl, and the libcrypto to load before it: the one given, else the one beside it.
fn files(paths: &str) -> (PathBuf, Option<PathBuf>) {
    match paths.split_once(',') {
        Some((library, crypto)) => (library.into(), Some(crypto.into())),
        None => (paths.into(), beside(Path::new(paths))),
    }
}

/// The libcrypto in a libssl's folder: the one with the same ending, else the only one of the same version. Python's wheels carry
/// `libssl-3a880ada.so.1.1` and `libcrypto-2ade47cd.so.1.1`, and not all of them with a run path.
fn beside(library: &Path) -> Option<PathBuf> {
    let ending = library.file_name()?.to_str()?.strip_prefix("libssl")?;
    let same = library.with_file_name(format!("libcrypto{ending}"));
    if same.is_file() {
        return Some(same);
    }
    let version = &ending[ending.find(".so")?..];
    let mut found = library.parent()?.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("libcrypto") && name.ends_with(version))
    });
    found.next().filter(|_| found.next().is_none())
}

fn client_context(api: &'static Api, spec: &LocalSpec, hand_out_sessions: bool) -> Result<Context> {
    let mut context = context(api, spec)?;
    context.set_trust(&certificates(&spec.root_pem)?)?;
    if spec.has_client_auth() {
        set_identity(&mut context, &spec.client_chain_pem, &spec.client_key_pem)?;
    }
    if hand_out_sessions {
        context.hand_out_sessions();
    } else {
        context.keep_no_sessions();
    }
    Ok(context)
}

fn server_context(api: &'static Api, spec: &LocalSpec) -> Result<Context> {
    let mut context = context(api, spec)?;
    set_identity(&mut context, &spec.chain_pem, &spec.key_pem)?;
    if spec.has_client_auth() {
        context.set_trust(&certificates(&spec.root_pem)?)?;
    }
    if !context.set_tickets(spec.tickets()) && names::version(&spec.suite) == "1.3" {
        return Err(not_selectable(&format!("{} cannot be told how many tickets to send", api.version())));
    }
    context.set_session_context(SESSION_CONTEXT)?;
    if spec.scenario == LocalScenario::HandshakeSession {
        context.keep_sessions(u32::try_from(KEPT_SESSIONS).unwrap_or(u32::MAX));
    } else {
        context.keep_no_sessions();
    }
    Ok(context)
}

fn set_identity(context: &mut Context, chain: &[u8], key: &[u8]) -> Result<()> {
    let chain = certificates(chain)?;
    let key = private_key(key)?;
    context.set_identity(&chain, key.secret_der())
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|why| Error::local("bad-key", format!("the private key cannot be read: {why}")))
}

/// What both sides have in common: one version, one suite, one group.
fn context(api: &'static Api, spec: &LocalSpec) -> Result<Context> {
    let mut context = Context::new(api)?;
    context.set_uncompressed();
    let tls_1_2 = names::version(&spec.suite) == "1.2";
    let suite_set = if tls_1_2 {
        context.set_suite_1_2(&c_string(&names::openssl_suite(&spec.suite))?)
    } else {
        context.set_suite_1_3(&c_string(&spec.suite)?)
    };
    if !suite_set {
        return Err(not_selectable(&format!("{} has no cipher suite {}", api.version(), spec.suite)));
    }
    // All else after the suite: BoringSSL's policies have a say in it.
    context.set_version(if tls_1_2 { 0x0303 } else { 0x0304 })?;
    if !context.set_groups(&c_string(&groups(spec, tls_1_2))?) {
        return Err(not_selectable(&format!("{} has no key exchange group {}", api.version(), spec.group)));
    }
    let schemes = names::signatures(&spec.signature).join(":");
    if !context.set_signature_algorithms(&c_string(&schemes)?) && !api.chooses_signatures() {
        return Err(not_selectable(&format!("{} has no signature scheme {}", api.version(), spec.signature)));
    }
    Ok(context)
}

fn groups(spec: &LocalSpec, tls_1_2: bool) -> String {
    let known = names::group(|known| known.iana.eq_ignore_ascii_case(&spec.group));
    let mut list = known.map_or_else(|| spec.group.clone(), |known| known.openssl.to_owned());
    if tls_1_2 && spec.suite.contains("_ECDSA_") {
        // In TLS 1.2 the list also says which curves a certificate may have (RFC 8422 section 5.1.1). The first one is taken.
        for curve in ["P-256", "P-384", "P-521"] {
            if list.split(':').all(|listed| listed != curve) {
                list = format!("{list}:{curve}");
            }
        }
    }
    list
}

fn said(connection: &Connection, asked: &str) -> Negotiated {
    let tls = match connection.version() {
        0x0303 => "1.2".to_owned(),
        0x0304 => "1.3".to_owned(),
        other => format!("0x{other:04x}"),
    };
    let suite = connection.suite();
    let suite = if suite == names::openssl_suite(asked) { asked.to_owned() } else { suite };
    let group = match connection.group() {
        GroupSaid::Name(name) => {
            names::group(|group| group.iana.eq_ignore_ascii_case(&name) || group.openssl.eq_ignore_ascii_case(&name))
                .map_or(name, |group| group.iana.to_owned())
        }
        GroupSaid::Id(id) => {
            names::group(|group| group.id == id).map_or(format!("0x{id:04x}"), |group| group.iana.to_owned())
        }
        GroupSaid::Nid(nid) => names::group(|group| group.nids.contains(&nid))
            .map_or(format!("a group that it cannot name ({nid})"), |group| group.iana.to_owned()),
    };
    let signed = Signed {
        own: connection.own_signature().map(|said| signature_name(&said)),
        peer: connection.peer_signature().map(|said| signature_name(&said)),
    };
    Negotiated { tls, suite, group, signed }
}

fn signature_name(said: &SignatureSaid) -> String {
    let found = match *said {
        SignatureSaid::Id(id) => names::signature(|known| known.id == id),
        SignatureSaid::Nids(kind, hash) => names::signature(|known| known.nids == (kind, hash)),
    };
    match (found, said) {
        (Some(known), _) => known.iana.to_owned(),
        (None, SignatureSaid::Id(id)) => format!("0x{id:04x}"),
        (None, SignatureSaid::Nids(kind, hash)) => format!("a signature that it cannot name ({kind}, {hash})"),
    }
}

/// What one end has against the chain of the other, if it has anything.
fn fault_seen_by(link: &Link, side: Side, whose: &str) -> Option<Error> {
    let [client, server] = link.ends().ok()?;
    let judge = if side == Side::Client { client } else { server };
    judge.chain_fault().map(|why| chain_does_not_verify(whose, &why))
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::Usage(format!("{text:?} has a zero byte in it")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn beside_of(names: &[&str], library: &str) -> Option<String> {
        let folder = std::env::temp_dir().join(format!("tlstool-beside-{}-{}", std::process::id(), names.join("-")));
        std::fs::create_dir_all(&folder).unwrap();
        for name in names {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let found = beside(&folder.join(library)).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        std::fs::remove_dir_all(&folder).unwrap();
        found
    }

    #[test]
    fn the_libcrypto_beside_a_libssl_is_the_one_of_the_same_ending_or_the_only_one() {
        let two = ["libcrypto.so.3", "libcrypto-12ab.so.1.1"];
        assert_eq!(beside_of(&two, "libssl.so.3").as_deref(), Some("libcrypto.so.3"));
        assert_eq!(beside_of(&two, "libssl-34cd.so.1.1").as_deref(), Some("libcrypto-12ab.so.1.1"));
        assert_eq!(beside_of(&["libcrypto-1.so.3", "libcrypto-2.so.3"], "libssl-3.so.3"), None);
        assert_eq!(beside_of(&["libcrypto.so.3"], "other.so.3"), None);
    }

    #[test]
    fn what_is_given_behind_a_comma_is_taken_as_it_is() {
        assert_eq!(files("/a/libssl.so,/b/crypto.so"), ("/a/libssl.so".into(), Some("/b/crypto.so".into())));
    }
}
