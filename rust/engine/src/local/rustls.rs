//! Rustls as a contestant, on the unbuffered API as in all of this engine's jobs.

use std::slice::from_ref;
use std::sync::Arc;

use rustls::client::{Resumption, Tls12Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, UnbufferedServerConnection};
use rustls::{ClientConfig, CommonState, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::{
    LocalSpec, MAX_TURNS, Negotiated, Pair, Spent, TICKETS, chain_does_not_verify, names, not_selectable, timed,
};
use crate::conn::{self, Output, Progress, advance};
use crate::{Error, Result, provider};

/// Data that is encrypted at a time: few enough records that they are still in the cache when they are copied to the other end.
const PIECE: usize = 4 << 14;

pub struct RustlsPair {
    client_config: Arc<ClientConfig>,
    server_config: Arc<ServerConfig>,
    name: ServerName<'static>,
    client: End<UnbufferedClientConnection>,
    server: End<UnbufferedServerConnection>,
}

/// One side: its connection, what came in for it and what it has to send. The buffers outlive the connections.
struct End<S> {
    connection: Option<S>,
    incoming: Vec<u8>,
    output: Output,
}

impl RustlsPair {
    pub fn new(spec: &LocalSpec) -> Result<Self> {
        let provider = provider::provider(from_ref(&spec.suite), from_ref(&spec.group)).map_err(unsupported)?;
        let chain = certificates(&spec.chain_pem)?;
        let key = PrivateKeyDer::from_pem_slice(&spec.key_pem)
            .map_err(|why| Error::local("bad-key", format!("the private key cannot be read: {why}")))?;
        let name = ServerName::try_from(spec.server_name.clone())
            .map_err(|_| Error::Usage(format!("{:?} is no DNS name", spec.server_name)))?;
        Ok(Self {
            client_config: Arc::new(client_config(provider.clone(), spec)?),
            server_config: Arc::new(server_config(provider, spec, chain, key)?),
            name,
            client: End::new(),
            server: End::new(),
        })
    }
}

impl Pair for RustlsPair {
    fn library(&self) -> (String, String) {
        let fips = if aws_lc_rs::default_provider().fips() { " (FIPS)" } else { "" };
        let version =
            concat!("rustls ", env!("TLSTOOL_RUSTLS_VERSION"), " with aws-lc-rs ", env!("TLSTOOL_AWS_LC_RS_VERSION"));
        ("rustls".to_owned(), format!("{version}{fips}"))
    }

    fn handshake(&mut self, spent: &mut Spent) -> Result<()> {
        let Self { client_config, server_config, name, client, server } = self;
        client.clear();
        server.clear();
        timed(&mut spent.client, || {
            UnbufferedClientConnection::new(client_config.clone(), name.clone())
                .map(|new| client.connection = Some(new))
        })?;
        timed(&mut spent.server, || {
            UnbufferedServerConnection::new(server_config.clone()).map(|new| server.connection = Some(new))
        })?;
        for _ in 0..MAX_TURNS {
            let client_done = timed(&mut spent.client, || {
                let done = client.turn();
                client.deliver(&mut server.incoming);
                done
            })
            .map_err(|error| match error {
                Error::Local { message, .. } => chain_does_not_verify(&name.to_str(), &message),
                other => other,
            })?;
            let server_done = timed(&mut spent.server, || {
                let done = server.turn();
                server.deliver(&mut client.incoming);
                done
            })?;
            if client_done && server_done {
                return Ok(());
            }
        }
        Err(Error::Internal("the handshake does not come to an end".to_owned()))
    }

    fn negotiated(&self) -> Result<[Negotiated; 2]> {
        match (&self.client.connection, &self.server.connection) {
            (Some(client), Some(server)) => Ok([said(client), said(server)]),
            _ => Err(Error::Internal("no connection to ask".to_owned())),
        }
    }

    fn transfer(&mut self, data: &[u8], received: &mut [u8], spent: &mut Spent) -> Result<()> {
        let Self { client, server, .. } = self;
        timed(&mut spent.server, || server.send(data, &mut client.incoming))?;
        let count = timed(&mut spent.client, || client.receive(received))?;
        if count != data.len() {
            return Err(Error::Internal(format!("{count} bytes received of {} sent", data.len())));
        }
        Ok(())
    }
}

impl<S: conn::Side> End<S> {
    fn new() -> Self {
        Self { connection: None, incoming: Vec::new(), output: Output::default() }
    }

    fn clear(&mut self) {
        self.connection = None;
        self.incoming.clear();
        self.output.clear();
    }

    /// Answer what came in; whether the handshake is done as this side sees it.
    fn turn(&mut self) -> Result<bool> {
        let connection = self.connection.as_mut().ok_or_else(no_connection)?;
        let (used, progress) = advance(connection, &mut self.incoming, &mut self.output, |_| {});
        self.incoming.drain(..used);
        match progress {
            Ok(progress) => Ok(progress == Progress::Established),
            // The certificates are the caller's own files here, not a peer's.
            Err(rustls::Error::InvalidCertificate(why)) => Err(Error::local("bad-certificate-file", why.to_string())),
            Err(why) => Err(why.into()),
        }
    }

    /// Encrypt data, and put it where the other end takes it in.
    fn send(&mut self, data: &[u8], to: &mut Vec<u8>) -> Result<()> {
        for piece in data.chunks(PIECE) {
            let connection = self.connection.as_mut().ok_or_else(no_connection)?;
            conn::encrypt(connection, piece, &mut self.incoming, &mut self.output)?;
            self.deliver(to);
        }
        Ok(())
    }

    /// Decrypt what came in, and put it where the caller wants it: the count of bytes.
    fn receive(&mut self, into: &mut [u8]) -> Result<usize> {
        let connection = self.connection.as_mut().ok_or_else(no_connection)?;
        let mut count = 0;
        let (used, progress) = advance(connection, &mut self.incoming, &mut self.output, |data| {
            if let Some(free) = into.get_mut(count..count + data.len()) {
                free.copy_from_slice(data);
            }
            count += data.len();
        });
        self.incoming.drain(..used);
        progress.map(|_| count).map_err(Error::from)
    }

    /// Copy what is to be sent to the other end, as a socket would.
    fn deliver(&mut self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.output.pending());
        self.output.clear();
    }
}

fn client_config(provider: Arc<CryptoProvider>, spec: &LocalSpec) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&spec.root_pem)? {
        roots.add(root).map_err(|why| bad_certificate(&why))?;
    }
    let versions = provider::versions(&[names::version(&spec.suite).to_owned()])?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|why| not_selectable(&provider::misfit(why)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // No session is kept, but tickets are asked for in TLS 1.2 too: so does every libssl.
    config.resumption = Resumption::disabled().tls12_resumption(Tls12Resumption::SessionIdOrTickets);
    config.cert_decompressors = Vec::new();
    Ok(config)
}

fn server_config(
    provider: Arc<CryptoProvider>,
    spec: &LocalSpec,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig> {
    let versions = provider::versions(&[names::version(&spec.suite).to_owned()])?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|why| not_selectable(&provider::misfit(why)))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => {
                Error::local("key-mismatch", "the private key is not that of the chain's first certificate")
            }
            why => bad_certificate(&why),
        })?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = TICKETS;
    config.cert_compressors = Vec::new();
    Ok(config)
}

pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<_, _>>().map_err(|why| {
        Error::local("bad-certificate-file", format!("a certificate of the chain cannot be read: {why}"))
    })?;
    if found.is_empty() {
        return Err(Error::local("no-certificate", "there is no certificate in the chain"));
    }
    Ok(found)
}

fn said(connection: &CommonState) -> Negotiated {
    let unknown = || "nothing".to_owned();
    Negotiated {
        tls: connection.protocol_version().map_or_else(unknown, |version| provider::version_name(version).to_owned()),
        suite: connection.negotiated_cipher_suite().map_or_else(unknown, |suite| provider::suite_name(suite.suite())),
        group: connection
            .negotiated_key_exchange_group()
            .map_or_else(unknown, |group| provider::group_name(group.name())),
    }
}

fn unsupported(error: Error) -> Error {
    match error {
        Error::Unsupported(why) => not_selectable(&why),
        other => other,
    }
}

fn bad_certificate(why: &rustls::Error) -> Error {
    Error::local("bad-certificate-file", format!("a certificate of the chain cannot be used: {why}"))
}

fn no_connection() -> Error {
    Error::Internal("data to move, but no connection".to_owned())
}
