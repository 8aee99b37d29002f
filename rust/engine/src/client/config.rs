//! What a client is configured with, built once and shared by all of its connections.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::sign::CertifiedKey;
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::verifier::{Enforcer, Recorder};
use crate::identity::IdentitySpec;
use crate::judge::RootsSpec;
use crate::judge::{Judge, server_name};
use crate::keylog::KeyLogFile;
use crate::{Error, Result, provider};

/// `tlstool.model.ClientConfig`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSpec {
    /// None leaves the name unchecked.
    pub verify_name: Option<String>,
    pub sni: Option<String>,
    pub roots: RootsSpec,
    pub crls: Vec<ByteBuf>,
    pub insecure: bool,
    pub identity: Option<IdentitySpec>,
    pub versions: Vec<String>,
    pub ciphers: Vec<String>,
    pub groups: Vec<String>,
    pub alpn: Vec<String>,
    pub keylog: Option<String>,
    pub at: Option<i64>,
    pub framing: Option<Framing>,
}

/// What the records of a handshake travel in, where that is not the socket alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    Tds,
}

/// A [`ClientSpec`] made ready: files read, names parsed, roots loaded.
pub struct ClientConfig {
    tls: rustls::ClientConfig,
    judge: Arc<Judge>,
    insecure: bool,
    identity: Option<Arc<CertifiedKey>>,
    framing: Option<Framing>,
    /// What rustls calls the server: the SNI if one is sent. It is not what is verified, see [`Recorder`].
    server_name: ServerName<'static>,
}

/// What one connection needs of the configuration, and what it leaves behind.
pub struct Recorded {
    pub tls: Arc<rustls::ClientConfig>,
    pub verifier: Arc<Recorder>,
    pub identity: Arc<IdentityRequest>,
}

impl ClientConfig {
    pub fn new(spec: &ClientSpec) -> Result<Self> {
        let provider = provider::provider(&spec.ciphers, &spec.groups)?;
        let judge = Judge::new(&spec.roots, &spec.crls, spec.verify_name.as_deref(), spec.at, &provider)?;
        let judge = Arc::new(judge);
        let identity = spec.identity.as_ref().map(|identity| identity.certified_key(&provider)).transpose()?;
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&provider::versions(&spec.versions)?)
            .map_err(|error| Error::Unsupported(provider::misfit(error)))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Enforcer::new(&judge, spec.insecure)))
            .with_no_client_auth();
        tls.alpn_protocols = provider::protocols(&spec.alpn)?;
        tls.enable_sni = spec.sni.is_some();
        tls.resumption = Resumption::disabled();
        if let Some(path) = &spec.keylog {
            tls.key_log = Arc::new(KeyLogFile::open(path)?);
        }
        // Where there is neither, rustls still wants something to call the server by; it goes nowhere.
        let server_name =
            server_name(spec.sni.as_ref().or(spec.verify_name.as_ref()).map_or("localhost", String::as_str))?;
        Ok(Self { tls, judge, insecure: spec.insecure, identity, framing: spec.framing, server_name })
    }

    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    pub fn server_name(&self) -> ServerName<'static> {
        self.server_name.clone()
    }

    /// The name that goes out as SNI: an address never does (RFC 6066 section 3).
    pub fn sni(&self) -> Option<String> {
        match &self.server_name {
            ServerName::DnsName(name) if self.tls.enable_sni => Some(name.as_ref().to_owned()),
            _ => None,
        }
    }

    /// For one connection whose report is wanted: a bad certificate does not end it, unless our own would go out next.
    pub fn recorded(&self) -> Recorded {
        let verifier = Arc::new(Recorder::new(self.judge.clone(), self.identity.is_some() && !self.insecure));
        let identity = Arc::new(IdentityRequest::new(self.identity.clone()));
        let mut tls = self.tls.clone();
        tls.dangerous().set_certificate_verifier(verifier.clone());
        tls.client_auth_cert_resolver = identity.clone();
        Recorded { tls: Arc::new(tls), verifier, identity }
    }

    /// For many connections whose sessions are resumed by `resumption`: a bad certificate is the error of the connection
    /// (`Error::Certificate`), and with `insecure` only the signature of the handshake is verified.
    pub fn enforced(&self, resumption: Resumption) -> Arc<rustls::ClientConfig> {
        let mut tls = self.tls.clone();
        tls.resumption = resumption;
        if self.identity.is_some() {
            tls.client_auth_cert_resolver = Arc::new(IdentityRequest::new(self.identity.clone()));
        }
        Arc::new(tls)
    }
}

/// Whether a server asked for our certificate, and whether it got one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    NotRequested,
    Requested,
    Sent,
}

/// Our certificate, and the record of its being asked for.
#[derive(Debug)]
pub struct IdentityRequest {
    identity: Option<Arc<CertifiedKey>>,
    outcome: Mutex<ClientCertificate>,
}

impl IdentityRequest {
    fn new(identity: Option<Arc<CertifiedKey>>) -> Self {
        Self { identity, outcome: Mutex::new(ClientCertificate::NotRequested) }
    }

    pub fn outcome(&self) -> ClientCertificate {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesClientCert for IdentityRequest {
    /// A key that cannot sign by any of `schemes` would send an empty Certificate message, just as none does.
    fn resolve(&self, _root_hint_subjects: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let usable = self.identity.clone().filter(|identity| identity.key.choose_scheme(schemes).is_some());
        let outcome = if usable.is_some() { ClientCertificate::Sent } else { ClientCertificate::Requested };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        usable
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
