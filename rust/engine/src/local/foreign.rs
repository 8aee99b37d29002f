//! A foreign libssl as a contestant: OpenSSL, BoringSSL, AWS-LC, told apart by what they say and have, never by a file's name.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::libssl::{Api, Connection, Context, GroupSaid, Link};
use super::rustls::certificates;
use super::{
    LocalSpec, MAX_TURNS, Negotiated, Pair, Spent, TICKETS, chain_does_not_verify, elf, names, not_selectable, timed,
};
use crate::{Error, Result};

/// Room on the wire besides application data: a flight with a long chain.
const FLIGHT: usize = 64 << 10;

/// A record's expansion at most, and the smallest size that a library cuts large writes into.
const EXPANSION: usize = 64;
const RECORD: usize = 1 << 14;

pub struct ForeignPair {
    api: &'static Api,
    client_context: Context,
    server_context: Context,
    link: Link,
    name: CString,
}

impl ForeignPair {
    /// Of the libssl at `paths`, which may have its libcrypto behind a comma.
    pub fn new(paths: &str, spec: &LocalSpec) -> Result<Self> {
        let (library, crypto) = files(paths);
        elf::check(&library)?;
        crypto.iter().try_for_each(|path| elf::check(path))?;
        let api = Api::load(&library, crypto.as_deref())?;
        let chain = certificates(&spec.chain_pem)?;
        let key = PrivateKeyDer::from_pem_slice(&spec.key_pem)
            .map_err(|why| Error::local("bad-key", format!("the private key cannot be read: {why}")))?;
        let server_context = context(api, spec)?;
        server_context.set_identity(&chain, key.secret_der())?;
        server_context.set_tickets(TICKETS)?;
        let client_context = context(api, spec)?;
        client_context.set_trust(&certificates(&spec.root_pem)?)?;
        let data = spec.chunk + (spec.chunk / RECORD + 1) * EXPANSION;
        Ok(Self {
            api,
            client_context,
            server_context,
            link: Link::new(api, FLIGHT, FLIGHT + data)?,
            name: c_string(&spec.server_name)?,
        })
    }
}

impl Pair for ForeignPair {
    fn library(&self) -> (String, String) {
        let version = self.api.version();
        let name = match version.as_str() {
            _ if self.api.is_aws_lc() => "AWS-LC",
            said if said.contains("BoringSSL") => "BoringSSL",
            said => said.split(' ').next().unwrap_or(said),
        };
        (name.to_owned(), version)
    }

    fn handshake(&mut self, spent: &mut Spent) -> Result<()> {
        let Self { client_context, server_context, link, name, .. } = self;
        link.clear();
        timed(&mut spent.client, || link.connect(client_context, name))?;
        timed(&mut spent.server, || link.accept(server_context))?;
        for _ in 0..MAX_TURNS {
            let client_done = timed(&mut spent.client, || link.client()?.handshake())
                .map_err(|error| because_of_the_chain(link, name).unwrap_or(error))?;
            let server_done = timed(&mut spent.server, || link.server()?.handshake())?;
            if client_done && server_done {
                return Ok(());
            }
        }
        Err(Error::Internal("the handshake does not come to an end".to_owned()))
    }

    fn negotiated(&self) -> Result<[Negotiated; 2]> {
        Ok(self.link.ends()?.map(said))
    }

    fn transfer(&mut self, data: &[u8], received: &mut [u8], spent: &mut Spent) -> Result<()> {
        let server = self.link.server()?;
        timed(&mut spent.server, || {
            let mut rest = data;
            while !rest.is_empty() {
                rest = &rest[server.write(rest)?..];
            }
            Ok::<(), Error>(())
        })?;
        let client = self.link.client()?;
        timed(&mut spent.client, || {
            let mut count = 0;
            while count < data.len() {
                count += client.read(&mut received[count..])?;
            }
            Ok(())
        })
    }
}

/// The libssl, and the libcrypto to load before it: the one given, else the one beside it with the same ending.
fn files(paths: &str) -> (PathBuf, Option<PathBuf>) {
    if let Some((library, crypto)) = paths.split_once(',') {
        return (library.into(), Some(crypto.into()));
    }
    let library = Path::new(paths);
    let beside = library
        .file_name()
        .and_then(|name| name.to_str()?.strip_prefix("libssl"))
        .map(|ending| library.with_file_name(format!("libcrypto{ending}")))
        .filter(|crypto| crypto.is_file());
    (library.to_owned(), beside)
}

/// What both sides have in common: one version, one suite, one group.
fn context(api: &'static Api, spec: &LocalSpec) -> Result<Context> {
    let context = Context::new(api)?;
    context.set_plain();
    let tls_1_2 = names::version(&spec.suite) == "1.2";
    context.set_version(if tls_1_2 { 0x0303 } else { 0x0304 })?;
    let suite_set = if tls_1_2 {
        context.set_suite_1_2(&c_string(&names::openssl_suite(&spec.suite))?)
    } else {
        context.set_suite_1_3(&c_string(&spec.suite)?)
    };
    if !suite_set {
        return Err(not_selectable(&format!("{} has no cipher suite {}", api.version(), spec.suite)));
    }
    let group = names::group(|known| known.iana.eq_ignore_ascii_case(&spec.group));
    let mut list = group.map_or_else(|| spec.group.clone(), |known| known.openssl.to_owned());
    if tls_1_2 && spec.suite.contains("_ECDSA_") && list != "P-256" {
        // In TLS 1.2 the list also says which curves a certificate may have (RFC 8422 section 5.1.1). The first one is taken.
        list.push_str(":P-256");
    }
    if !context.set_groups(&c_string(&list)?) {
        return Err(not_selectable(&format!("{} has no key exchange group {}", api.version(), spec.group)));
    }
    Ok(context)
}

fn said(connection: &Connection) -> Negotiated {
    let tls = match connection.version() {
        0x0303 => "1.2".to_owned(),
        0x0304 => "1.3".to_owned(),
        other => format!("0x{other:04x}"),
    };
    let known = match connection.group() {
        GroupSaid::Name(name) => {
            names::group(|group| group.iana.eq_ignore_ascii_case(&name) || group.openssl.eq_ignore_ascii_case(&name))
                .map_or(name, |group| group.iana.to_owned())
        }
        GroupSaid::Id(id) => {
            names::group(|group| group.id == id).map_or(format!("0x{id:04x}"), |group| group.iana.to_owned())
        }
        GroupSaid::Nid(nid) => names::group(|group| group.nid == Some(nid))
            .map_or(format!("a group that it cannot name ({nid})"), |group| group.iana.to_owned()),
    };
    Negotiated { tls, suite: connection.suite(), group: known }
}

fn because_of_the_chain(link: &Link, name: &CStr) -> Option<Error> {
    let [client, _] = link.ends().ok()?;
    client.chain_fault().map(|why| chain_does_not_verify(&name.to_string_lossy(), &why))
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::Usage(format!("{text:?} has a zero byte in it")))
}
