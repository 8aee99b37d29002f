//! What a listening address presents and does: one configuration of rustls' and one service for all who come there.

use std::sync::Arc;

use rustls::compress::{BROTLI_COMPRESSOR, CertCompressor, CompressionCache, ZLIB_COMPRESSOR};
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use serde::Deserialize;

use super::client_auth::{ClientAuth, ClientAuthSpec};
use super::config::Tells;
use super::identities::{Identities, NamedSpec};
use super::misconduct::{Demanding, Misconduct, MisconductSpec};
use super::service::{Offer, ServiceSpec};
use super::sessions::SessionsSpec;
use crate::identity::IdentitySpec;
use crate::keylog::KeyLogFile;
use crate::{Error, Result, provider};

/// `tlstool.model.Site`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSpec {
    pub name: Option<String>,
    pub service: ServiceSpec,
    pub identities: Vec<IdentitySpec>,
    pub named: Vec<NamedSpec>,
    pub sni_strict: bool,
    pub raw_public_key: bool,
    /// None for all that there are.
    pub cert_compression: Option<Vec<String>>,
    pub versions: Vec<String>,
    pub ciphers: Vec<String>,
    pub groups: Vec<String>,
    pub alpn: Vec<String>,
    pub keylog: Option<String>,
    pub key_update_every: Option<u64>,
    pub client_auth: Option<ClientAuthSpec>,
    pub sessions: SessionsSpec,
    pub misconduct: Option<MisconductSpec>,
}

pub struct Site {
    /// Its place among the server's sites.
    pub number: usize,
    /// For events; None where there is only one.
    pub name: Option<String>,
    pub tls: Arc<rustls::ServerConfig>,
    pub identities: Arc<Identities>,
    /// None where no client is asked for a certificate.
    pub client_auth: Option<Arc<ClientAuth>>,
    pub offer: Offer,
    /// After how many bytes of application data we renew the keys; None leaves that to rustls.
    pub key_update_every: Option<u64>,
    pub misconduct: Misconduct,
    /// Whether somebody will ask what the clients offered.
    pub keeps_hellos: bool,
}

impl Site {
    pub fn new(number: usize, spec: &SiteSpec, tells: Tells) -> Result<Self> {
        if spec.key_update_every == Some(0) {
            return Err(Error::Usage("key_update_every is 0 bytes, which is no interval".to_owned()));
        }
        let misconduct = spec.misconduct.as_ref().map(Misconduct::new).transpose()?.unwrap_or_default();
        let provider = provider::provider(&spec.ciphers, &spec.groups)?;
        let client_auth =
            spec.client_auth.as_ref().map(|auth| ClientAuth::new(auth, &provider).map(Arc::new)).transpose()?;
        let identities =
            Arc::new(Identities::new(&spec.identities, &spec.named, spec.sni_strict, spec.raw_public_key, &provider)?);
        let tls = Arc::new(tls(spec, provider, &identities, &misconduct, client_auth.clone())?);
        // The log of secrets has been opened by now, if there is one, and the offer has to know that file.
        let offer = Offer::new(&spec.service)?;
        let keeps_hellos = tells == Tells::Hellos || offer.shows_hello() || spec.sessions.max_early_data > 0;
        Ok(Self {
            number,
            name: spec.name.clone(),
            tls,
            identities,
            client_auth,
            offer,
            key_update_every: spec.key_update_every,
            misconduct,
            keeps_hellos,
        })
    }
}

/// How many compressed chains are kept, a thousand names in both algorithms: to compress one well takes longer than a handshake.
const COMPRESSED: usize = 2048;

fn tls(
    spec: &SiteSpec,
    provider: Arc<CryptoProvider>,
    identities: &Arc<Identities>,
    misconduct: &Misconduct,
    client_auth: Option<Arc<ClientAuth>>,
) -> Result<rustls::ServerConfig> {
    let demands = client_auth.as_ref().map(|auth| auth.digest());
    let verifier: Arc<dyn ClientCertVerifier> = match client_auth {
        _ if misconduct.demand_certificate => Arc::new(Demanding::new(&provider)),
        Some(auth) => auth,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(spec)?)
        .map_err(|error| Error::Usage(provider::misfit(error)))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(identities) as _);
    config.max_fragment_size = misconduct.record_size;
    spec.sessions.apply(demands.as_ref().map_or(&[], |digest| &digest[..]), &mut config)?;
    // Nothing is offered unless it is asked for: with an empty list a client that speaks h2 alone still gets its handshake.
    config.alpn_protocols = provider::protocols(&spec.alpn)?;
    if let Some(names) = &spec.cert_compression {
        config.cert_compressors = names.iter().map(|name| compressor(name)).collect::<Result<_>>()?;
    }
    config.cert_compression_cache = Arc::new(CompressionCache::new(COMPRESSED));
    if let Some(path) = &spec.keylog {
        config.key_log = Arc::new(KeyLogFile::open(path)?);
    }
    Ok(config)
}

/// rustls shows a key without its certificate in the form of TLS 1.3 alone.
fn versions(spec: &SiteSpec) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let mut versions = provider::versions(&spec.versions)?;
    if spec.raw_public_key {
        versions.retain(|version| version.version == ProtocolVersion::TLSv1_3);
        if versions.is_empty() {
            return Err(Error::Unsupported("Rustls shows raw public keys in TLS 1.3 alone".to_owned()));
        }
    }
    Ok(versions)
}

/// By its name in IANA's registry (RFC 8879 section 7.3).
fn compressor(name: &str) -> Result<&'static dyn CertCompressor> {
    match name {
        "brotli" => Ok(BROTLI_COMPRESSOR),
        "zlib" => Ok(ZLIB_COMPRESSOR),
        _ => Err(Error::Unsupported(format!("Rustls does not compress certificates by {name}"))),
    }
}
