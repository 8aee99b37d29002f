#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_bytes::ByteBuf;

use super::*;
use crate::client::ClientSpec;
use crate::identity::IdentitySpec;
use crate::judge::{Purpose, RootsSpec};
use crate::provider;
use crate::wait::Never;

mod data;
mod handshake;
mod resumption;
mod wire;

/// Far more than any of these takes, and the end of one that hangs.
const LIMIT: Option<f64> = Some(20.0);

/// An authority, and a leaf of it for localhost that is good for servers and clients.
struct Pki {
    ca: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    key: Vec<u8>,
}

fn pki() -> Pki {
    pki_of("authority")
}

fn pki_of(authority: &str) -> Pki {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, authority);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &ca).unwrap().der().clone();
    Pki { ca: ca.der().clone(), leaf, key: key.serialize_der() }
}

impl Pki {
    fn spec(&self) -> ClientSpec {
        let pem = Some(vec![ByteBuf::from(self.ca.to_vec())]);
        ClientSpec {
            verify_name: Some("localhost".to_owned()),
            sni: Some("localhost".to_owned()),
            roots: RootsSpec { store: "ca.pem".to_owned(), pem, extra: Vec::new() },
            crls: Vec::new(),
            purpose: Purpose::Server,
            pins: Vec::new(),
            tlsa: Vec::new(),
            insecure: false,
            identity: None,
            versions: Vec::new(),
            ciphers: Vec::new(),
            groups: Vec::new(),
            alpn: Vec::new(),
            keylog: None,
            pcap: None,
            at: None,
            framing: None,
            signature_schemes: Vec::new(),
            ech: None,
            uses: Vec::new(),
        }
    }

    fn identity(&self) -> IdentitySpec {
        IdentitySpec {
            chain: self.leaf.to_vec(),
            key: self.key.clone(),
            chain_file: "c".to_owned(),
            key_file: "k".to_owned(),
            staple: None,
        }
    }

    fn server(&self, wants_certificate: bool) -> ServerConfig {
        let provider = provider::provider(&[], &[]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if wants_certificate {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(self.key.clone()).unwrap();
        builder.with_single_cert(vec![self.leaf.clone()], key).unwrap()
    }
}

/// A peer that has one connection, in a thread of its own.
fn peer<T: Send + 'static>(job: impl FnOnce(TcpStream) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        job(stream)
    });
    (address, thread)
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

fn tls_peer<T: Send + 'static>(
    config: ServerConfig,
    job: impl FnOnce(Tls) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    peer(move |stream| job(StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)))
}

/// Send back all there is, then end in order.
fn echo(mut tls: Tls) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = tls.read(&mut buffer) {
        tls.write_all(&buffer[..count]).unwrap();
    }
    tls.conn.send_close_notify();
    tls.flush().unwrap();
}

fn try_connect(address: SocketAddr, spec: &ClientSpec) -> std::result::Result<Session, Failure> {
    let socket = TcpStream::connect(address).unwrap();
    connect(&ClientConfig::new(spec)?, socket.as_raw_fd(), &Offer::default(), LIMIT, None, &Never)
}

fn failure(address: SocketAddr, spec: &ClientSpec) -> Failure {
    try_connect(address, spec).map(|_| ()).unwrap_err()
}
