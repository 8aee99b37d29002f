//! What a client is configured with, built once and shared by all of its connections.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, SignatureScheme, WantsVerifier};
use rustls_pki_types::ServerName;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::ech::Ech;
use super::identity::IdentityRequest;
use super::resumption::{Resumable, Tickets};
use super::schemes::Restricted;
use super::verifier::{Enforcer, Outer, Recorder};
use super::watch::Secrets;
use crate::capture::CaptureFile;
use crate::identity::IdentitySpec;
use crate::judge::{CrlSpec, Judge, JudgeSpec, Purpose, RootsSpec, Tlsa, server_name};
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
    pub crls: Vec<CrlSpec>,
    pub purpose: Purpose,
    pub pins: Vec<String>,
    pub tlsa: Vec<Tlsa>,
    pub insecure: bool,
    pub identity: Option<IdentitySpec>,
    pub versions: Vec<String>,
    pub ciphers: Vec<String>,
    pub groups: Vec<String>,
    pub alpn: Vec<String>,
    pub keylog: Option<String>,
    pub pcap: Option<String>,
    pub at: Option<i64>,
    pub signature_schemes: Vec<String>,
    pub ech: Option<Vec<ByteBuf>>,
    pub uses: Vec<Use>,
    pub framing: Option<Framing>,
}

/// What sessions are used for besides data. Rustls can do all of it, but has to know of the first before the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    Export,
    EarlyData,
    KeyUpdate,
}

/// What the records of a handshake travel in, where that is not the socket alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    Tds,
}

impl ClientSpec {
    fn judged_by(&self) -> JudgeSpec<'_> {
        JudgeSpec {
            roots: &self.roots,
            crls: &self.crls,
            name: self.verify_name.as_deref(),
            at: self.at,
            purpose: self.purpose,
            pins: &self.pins,
            tlsa: &self.tlsa,
        }
    }

    /// For the public name of an Encrypted Client Hello: pins and records are of the server behind it.
    fn outer_judged_by<'a>(&'a self, public_name: &'a str) -> JudgeSpec<'a> {
        JudgeSpec { name: Some(public_name), pins: &[], tlsa: &[], ..self.judged_by() }
    }
}

/// A [`ClientSpec`] made ready: files read, names parsed, roots loaded.
pub struct ClientConfig {
    tls: rustls::ClientConfig,
    judge: Arc<Judge>,
    insecure: bool,
    identity: Option<Arc<CertifiedKey>>,
    framing: Option<Framing>,
    /// What may be offered, in that order; empty for all.
    schemes: Vec<SignatureScheme>,
    ech: Option<Ech>,
    /// Who judges the certificate of a server that rejects our Encrypted Client Hello.
    outer: Option<Outer>,
    exporter: bool,
    /// What rustls calls the server: the SNI if one is sent. It is not what is verified, see [`Recorder`].
    server_name: ServerName<'static>,
    keylog: Option<Arc<KeyLogFile>>,
    capture: Option<Arc<CaptureFile>>,
}

/// What one connection needs of the configuration, and what it leaves behind.
pub struct Recorded {
    pub tls: Arc<rustls::ClientConfig>,
    pub verifier: Arc<Recorder>,
    pub installed: Arc<dyn ServerCertVerifier>,
    pub identity: Arc<IdentityRequest>,
    pub tickets: Arc<Tickets>,
    pub secrets: Arc<Secrets>,
}

impl ClientConfig {
    pub fn new(spec: &ClientSpec) -> Result<Self> {
        let provider = provider::provider(&spec.ciphers, &spec.groups)?;
        let schemes = provider::schemes(&spec.signature_schemes, &provider)?;
        let ech = spec.ech.as_deref().map(Ech::new).transpose()?;
        // Where there is neither, rustls still wants something to call the server by; it goes nowhere.
        let server_name =
            server_name(spec.sni.as_ref().or(spec.verify_name.as_ref()).map_or("localhost", String::as_str))?;
        let outer = match ech.as_ref().and_then(|ech| ech.chosen.as_ref()) {
            // Where both names are the same, rustls would not tell which is meant, and only the name to verify will do.
            Some(chosen) if ServerName::DnsName(chosen.public_name.clone()) != server_name => Some(Outer {
                judge: Arc::new(Judge::new(spec.outer_judged_by(chosen.public_name.as_ref()), &provider)?),
                name: ServerName::DnsName(chosen.public_name.clone()),
            }),
            _ => None,
        };
        let judge = Arc::new(Judge::new(spec.judged_by(), &provider)?);
        let identity = spec.identity.as_ref().map(|identity| identity.certified_key(&provider)).transpose()?;
        let enforcer = Restricted::to(&schemes, Arc::new(Enforcer::new(&judge, spec.insecure)));
        let mut tls = with_versions(spec, provider, ech.as_ref())?
            .dangerous()
            .with_custom_certificate_verifier(enforcer)
            .with_no_client_auth();
        tls.alpn_protocols = provider::protocols(&spec.alpn)?;
        tls.enable_sni = spec.sni.is_some();
        tls.resumption = Resumption::disabled();
        let keylog = spec.keylog.as_deref().map(KeyLogFile::open).transpose()?.map(Arc::new);
        if let Some(keylog) = &keylog {
            tls.key_log = keylog.clone();
        }
        let capture = spec.pcap.as_deref().map(CaptureFile::open).transpose()?.map(Arc::new);
        let (insecure, framing, exporter) = (spec.insecure, spec.framing, spec.uses.contains(&Use::Export));
        Ok(Self {
            tls,
            judge,
            insecure,
            identity,
            framing,
            schemes,
            ech,
            outer,
            exporter,
            server_name,
            keylog,
            capture,
        })
    }

    pub fn ech(&self) -> Option<&Ech> {
        self.ech.as_ref()
    }

    /// Whether only a buffered connection can do what is wanted, see [`super::machine`].
    pub fn wants_buffers(&self) -> bool {
        self.exporter || self.ech.is_some()
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
    ///
    /// `resume` is the session that it offers; `early_data` says whether it may send data before the peer has answered.
    pub fn recorded(&self, resume: Option<&Resumable>, early_data: bool) -> Recorded {
        let (verifier, installed, identity, tickets) = if let Some(session) = resume {
            session.identity.forget();
            let tickets = Tickets::after(&session.tickets);
            (session.verifier.clone(), session.installed.clone(), session.identity.clone(), tickets)
        } else {
            let strict = self.identity.is_some() && !self.insecure;
            let verifier = Arc::new(Recorder::new(self.judge.clone(), self.outer.clone(), strict));
            let installed = Restricted::to(&self.schemes, verifier.clone());
            (verifier, installed, Arc::new(IdentityRequest::new(self.identity.clone())), Tickets::default())
        };
        let tickets = Arc::new(tickets);
        let mut tls = self.tls.clone();
        tls.dangerous().set_certificate_verifier(installed.clone());
        tls.client_auth_cert_resolver = identity.clone();
        let secrets = Arc::new(Secrets::new(self.keylog.clone(), self.capture.clone()));
        tls.key_log = secrets.clone();
        tls.resumption = Resumption::store(tickets.clone());
        tls.enable_early_data = early_data;
        Recorded { tls: Arc::new(tls), verifier, installed, identity, tickets, secrets }
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

/// Versions, or with Encrypted Client Hello the one version that has it.
fn with_versions(
    spec: &ClientSpec,
    provider: Arc<CryptoProvider>,
    ech: Option<&Ech>,
) -> Result<ConfigBuilder<rustls::ClientConfig, WantsVerifier>> {
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let built = match ech {
        None => builder.with_protocol_versions(&provider::versions(&spec.versions)?),
        Some(_) if !spec.versions.is_empty() && !spec.versions.iter().any(|version| version == "1.3") => {
            return Err(Error::Unsupported("Encrypted Client Hello needs TLS 1.3".to_owned()));
        }
        Some(ech) => builder.with_ech(ech.mode.clone()),
    };
    built.map_err(|error| Error::Unsupported(provider::misfit(error)))
}
