//! Rustls as a contestant, on the unbuffered API as in all of this engine's jobs.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::crypto::aws_lc_rs;
use rustls::server::UnbufferedServerConnection;
use rustls::{CertificateError, ClientConfig, CommonState, HandshakeKind, OtherError, ServerConfig};
use rustls_pki_types::ServerName;

use super::meter::{Side, Spent};
use super::pair::{Identity, Library, Negotiated, Pair};
use super::{CLIENT, LocalScenario, LocalSpec, MAX_TURNS, chain_does_not_verify};
use crate::conn::{self, Output, Progress, advance};
use crate::{Error, Result, judge, provider};

mod config;
mod signature;

pub use config::certificates;
use signature::Seen;

/// Data that is encrypted at a time: few enough records that they are still in the cache when they are copied to the other end.
const PIECE: usize = 4 << 14;

/// Rustls as it is built in here.
pub fn identity() -> Identity {
    let fips = if aws_lc_rs::default_provider().fips() { " (FIPS)" } else { "" };
    let version =
        concat!("rustls ", env!("TLSTOOL_RUSTLS_VERSION"), " with aws-lc-rs ", env!("TLSTOOL_AWS_LC_RS_VERSION"));
    Identity {
        library: "rustls".to_owned(),
        library_version: format!("{version}{fips}"),
        library_build: Some(env!("TLSTOOL_BUILD").to_owned()),
    }
}

/// The same, set as a spec says.
pub struct Rustls {
    client_config: ClientConfig,
    server_config: Arc<ServerConfig>,
    seen: Both<Arc<Seen>>,
    name: ServerName<'static>,
    receiver_pays: bool,
    scenario: LocalScenario,
}

/// Of client and server.
type Both<T> = [T; 2];

impl Rustls {
    pub fn new(spec: &LocalSpec) -> Result<Self> {
        let seen = Both::<Arc<Seen>>::default();
        let (client_config, server_config) = config::both(spec, &seen)?;
        let name = ServerName::try_from(spec.server_name.clone())
            .map_err(|_| Error::Usage(format!("{:?} is no DNS name", spec.server_name)))?;
        Ok(Self {
            client_config,
            server_config: Arc::new(server_config),
            seen,
            name,
            receiver_pays: spec.published_method,
            scenario: spec.scenario,
        })
    }
}

impl Library for Rustls {
    fn identity(&self) -> Identity {
        identity()
    }

    fn pair(&self) -> Result<Box<dyn Pair>> {
        let mut client_config = self.client_config.clone();
        client_config.resumption = config::sessions(self.scenario);
        Ok(Box::new(RustlsPair {
            client_config: Arc::new(client_config),
            server_config: self.server_config.clone(),
            seen: self.seen.clone(),
            name: self.name.clone(),
            receiver_pays: self.receiver_pays,
            client: End::new(),
            server: End::new(),
            parked: Vec::new(),
        }))
    }
}

struct RustlsPair {
    client_config: Arc<ClientConfig>,
    server_config: Arc<ServerConfig>,
    seen: Both<Arc<Seen>>,
    name: ServerName<'static>,
    receiver_pays: bool,
    client: End<UnbufferedClientConnection>,
    server: End<UnbufferedServerConnection>,
    parked: Vec<(Option<UnbufferedClientConnection>, Option<UnbufferedServerConnection>)>,
}

/// One side: its connection, what came in for it and what it has to send. The buffers outlive the connections.
struct End<S> {
    connection: Option<S>,
    incoming: Vec<u8>,
    output: Output,
}

impl Pair for RustlsPair {
    fn handshake(&mut self, spent: &mut Spent) -> Result<()> {
        let Self { client_config, server_config, name, client, server, receiver_pays, .. } = self;
        client.clear();
        server.clear();
        spent.on(Side::Client, || {
            UnbufferedClientConnection::new(client_config.clone(), name.clone())
                .map(|new| client.connection = Some(new))
        })?;
        spent.on(Side::Server, || {
            UnbufferedServerConnection::new(server_config.clone()).map(|new| server.connection = Some(new))
        })?;
        for _ in 0..MAX_TURNS {
            let client_done = client
                .step(Side::Client, &mut server.incoming, *receiver_pays, spent)
                .map_err(|error| about_the_chain_of(&name.to_str(), error))?;
            let server_done = server
                .step(Side::Server, &mut client.incoming, *receiver_pays, spent)
                .map_err(|error| about_the_chain_of(CLIENT, error))?;
            if client_done && server_done {
                return Ok(());
            }
        }
        Err(Error::Internal("the handshake does not come to an end".to_owned()))
    }

    fn settle(&mut self, spent: &mut Spent) -> Result<()> {
        spent.on(Side::Client, || self.client.receive(&mut [])).map(|_| ())
    }

    fn negotiated(&self) -> Result<[Negotiated; 2]> {
        let [client, server] = self.states()?;
        Ok([said(client, &self.seen[0]), said(server, &self.seen[1])])
    }

    fn resumed(&self) -> Result<[bool; 2]> {
        self.states().map(|ends| ends.map(|end| end.handshake_kind() == Some(HandshakeKind::Resumed)))
    }

    fn transfer(&mut self, from: Side, data: &[u8], received: &mut [u8], spent: &mut Spent) -> Result<()> {
        let Self { client, server, receiver_pays, .. } = self;
        let count = match from {
            Side::Server => {
                server.send(from, data, &mut client.incoming, *receiver_pays, spent)?;
                spent.on(Side::Client, || client.receive(received))?
            }
            Side::Client => {
                client.send(from, data, &mut server.incoming, *receiver_pays, spent)?;
                spent.on(Side::Server, || server.receive(received))?
            }
        };
        if count != data.len() {
            return Err(Error::Internal(format!("{count} bytes received of {} sent", data.len())));
        }
        Ok(())
    }

    fn park(&mut self) {
        self.parked.push((self.client.connection.take(), self.server.connection.take()));
    }

    fn clear_park(&mut self) {
        self.parked.clear();
    }
}

impl RustlsPair {
    fn states(&self) -> Result<Both<&CommonState>> {
        match (&self.client.connection, &self.server.connection) {
            (Some(client), Some(server)) => Ok([client, server]),
            _ => Err(no_connection()),
        }
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
            Err(rustls::Error::InvalidCertificate(why)) => Err(Error::local("bad-certificate-file", in_words(&why))),
            Err(why) => Err(why.into()),
        }
    }

    /// As `turn`, and then what it says is brought to the other end.
    fn step(&mut self, side: Side, to: &mut Vec<u8>, receiver_pays: bool, spent: &mut Spent) -> Result<bool> {
        if receiver_pays {
            let done = spent.on(side, || self.turn());
            spent.on(side.other(), || self.deliver(to));
            return done;
        }
        spent.on(side, || {
            let done = self.turn();
            self.deliver(to);
            done
        })
    }

    /// Encrypt data, and put it where the other end takes it in.
    fn send(
        &mut self,
        side: Side,
        data: &[u8],
        to: &mut Vec<u8>,
        receiver_pays: bool,
        spent: &mut Spent,
    ) -> Result<()> {
        if receiver_pays {
            for piece in data.chunks(PIECE) {
                spent.on(side, || self.encrypt(piece))?;
                spent.on(side.other(), || self.deliver(to));
            }
            return Ok(());
        }
        spent.on(side, || {
            data.chunks(PIECE).try_for_each(|piece| {
                self.encrypt(piece)?;
                self.deliver(to);
                Ok(())
            })
        })
    }

    fn encrypt(&mut self, data: &[u8]) -> Result<()> {
        let connection = self.connection.as_mut().ok_or_else(no_connection)?;
        conn::encrypt(connection, data, &mut self.incoming, &mut self.output)
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

fn said(connection: &CommonState, seen: &Seen) -> Negotiated {
    let unknown = || "nothing".to_owned();
    Negotiated {
        tls: connection.protocol_version().map_or_else(unknown, |version| provider::version_name(version).to_owned()),
        suite: connection.negotiated_cipher_suite().map_or_else(unknown, |suite| provider::suite_name(suite.suite())),
        group: connection
            .negotiated_key_exchange_group()
            .map_or_else(unknown, |group| provider::group_name(group.name())),
        signed: seen.said(),
    }
}

fn in_words(why: &CertificateError) -> String {
    let refusal = match why {
        CertificateError::Other(OtherError(refusal)) => refusal.downcast_ref::<webpki::Error>(),
        _ => None,
    };
    match refusal {
        None if matches!(why, CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }) => {
            "the key of an issuer is of another kind than the signature that it should have made".to_owned()
        }
        Some(webpki::Error::CaUsedAsEndEntity) => "its first certificate is that of a certificate authority".to_owned(),
        Some(refusal) => judge::words(refusal),
        None => why.to_string(),
    }
}

fn about_the_chain_of(whose: &str, error: Error) -> Error {
    match error {
        Error::Local { message, .. } => chain_does_not_verify(whose, &message),
        other => other,
    }
}

fn no_connection() -> Error {
    Error::Internal("data to move, but no connection".to_owned())
}
