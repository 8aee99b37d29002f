//! The configuration of Rustls for a measurement: one version, one suite, one group, and what is to be kept of sessions.

use std::slice::from_ref;
use std::sync::Arc;

use rustls::client::{Resumption, Tls12Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, VerifierBuilderError, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    ClientConfig, ConfigBuilder, ConfigSide, RootCertStore, ServerConfig, SignatureScheme, WantsVerifier, WantsVersions,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::signature::{self, Seen, Witness};
use crate::local::{KEPT_SESSIONS, LocalScenario, LocalSpec, names, not_selectable};
use crate::{Error, Result, provider};

/// Sessions of one server that a client keeps.
const OWN_SESSIONS: usize = 1;

/// Client and server; what their handshakes are signed with is told to `seen`.
pub fn both(spec: &LocalSpec, seen: &[Arc<Seen>; 2]) -> Result<(ClientConfig, ServerConfig)> {
    let provider = provider::provider(from_ref(&spec.suite), from_ref(&spec.group)).map_err(unsupported)?;
    let common = Common { schemes: schemes(spec, &provider)?, roots: Arc::new(roots(spec)?), provider };
    let client = common.client(spec, &seen[0])?;
    let server = common.server(spec, &seen[1])?;
    if spec.fips && !(client.fips() && server.fips()) {
        let why = if aws_lc_rs::default_provider().fips() {
            "this suite or group is not approved by FIPS 140-3"
        } else {
            "this build of tlstool has no FIPS module"
        };
        return Err(not_selectable(why));
    }
    Ok((client, server))
}

/// What a client keeps for resumption, in a store of its own as with a libssl; nothing where nothing is to be resumed.
pub fn sessions(scenario: LocalScenario) -> Resumption {
    let (store, means) = match scenario {
        LocalScenario::HandshakeTicket => (own_store(), Tls12Resumption::SessionIdOrTickets),
        LocalScenario::HandshakeSession => (own_store(), Tls12Resumption::SessionIdOnly),
        // Tickets are asked for in TLS 1.2 all the same: so does every libssl.
        _ => (Resumption::disabled(), Tls12Resumption::SessionIdOrTickets),
    };
    store.tls12_resumption(means)
}

/// Certificates in PEM, at least one.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<_, _>>().map_err(|why| {
        Error::local("bad-certificate-file", format!("a certificate of the chain cannot be read: {why}"))
    })?;
    if found.is_empty() {
        return Err(Error::local("no-certificate", "there is no certificate in the chain"));
    }
    Ok(found)
}

fn own_store() -> Resumption {
    Resumption::in_memory_sessions(OWN_SESSIONS)
}

/// What both sides are made of.
struct Common {
    provider: Arc<CryptoProvider>,
    /// The one to sign with comes first.
    schemes: Vec<SignatureScheme>,
    roots: Arc<RootCertStore>,
}

impl Common {
    fn client(&self, spec: &LocalSpec, seen: &Arc<Seen>) -> Result<ClientConfig> {
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), self.provider.clone())
            .build()
            .map_err(|why| bad_root(&why))?;
        let builder = versions(ClientConfig::builder_with_provider(self.provider.clone()), spec)?
            .dangerous()
            .with_custom_certificate_verifier(Witness::new(verifier, self.schemes.clone(), seen.clone()));
        let mut config = if spec.has_client_auth() {
            builder.with_client_cert_resolver(self.identity(&spec.client_chain_pem, &spec.client_key_pem, seen)?)
        } else {
            builder.with_no_client_auth()
        };
        config.resumption = sessions(spec.scenario);
        config.cert_compressors = Vec::new();
        config.cert_decompressors = Vec::new();
        Ok(config)
    }

    fn server(&self, spec: &LocalSpec, seen: &Arc<Seen>) -> Result<ServerConfig> {
        let builder = versions(ServerConfig::builder_with_provider(self.provider.clone()), spec)?;
        let builder = if spec.has_client_auth() {
            let verifier = WebPkiClientVerifier::builder_with_provider(self.roots.clone(), self.provider.clone())
                .build()
                .map_err(|why| bad_root(&why))?;
            builder.with_client_cert_verifier(Witness::new(verifier, self.schemes.clone(), seen.clone()))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_cert_resolver(self.identity(&spec.chain_pem, &spec.key_pem, seen)?);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if spec.scenario == LocalScenario::HandshakeSession {
            config.session_storage = ServerSessionMemoryCache::new(KEPT_SESSIONS);
        } else {
            config.ticketer = aws_lc_rs::Ticketer::new()?;
        }
        config.send_tls13_tickets = spec.tickets();
        config.cert_compressors = Vec::new();
        config.cert_decompressors = Vec::new();
        Ok(config)
    }

    fn identity(&self, chain: &[u8], key: &[u8], seen: &Arc<Seen>) -> Result<Arc<SingleCertAndKey>> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|why| Error::local("bad-key", format!("the private key cannot be read: {why}")))?;
        signature::identity(&self.provider, chain, key, self.schemes[0], seen.clone()).map_err(|why| bad_identity(&why))
    }
}

fn schemes(spec: &LocalSpec, provider: &CryptoProvider) -> Result<Vec<SignatureScheme>> {
    let wanted: Vec<String> = names::signatures(&spec.signature).into_iter().map(str::to_owned).collect();
    provider::schemes(&wanted, provider).map_err(unsupported)
}

fn versions<S: ConfigSide>(
    builder: ConfigBuilder<S, WantsVersions>,
    spec: &LocalSpec,
) -> Result<ConfigBuilder<S, WantsVerifier>> {
    let versions = provider::versions(&[names::version(&spec.suite).to_owned()])?;
    builder.with_protocol_versions(&versions).map_err(|why| not_selectable(&provider::misfit(why)))
}

fn roots(spec: &LocalSpec) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&spec.root_pem)? {
        roots.add(root).map_err(|why| bad_identity(&why))?;
    }
    Ok(roots)
}

fn unsupported(error: Error) -> Error {
    match error {
        Error::Unsupported(why) => not_selectable(&why),
        other => other,
    }
}

fn bad_root(why: &VerifierBuilderError) -> Error {
    Error::local("bad-certificate-file", format!("a root cannot be used: {why}"))
}

fn bad_identity(why: &rustls::Error) -> Error {
    if let rustls::Error::InconsistentKeys(_) = why {
        return Error::local("key-mismatch", "the private key is not that of the chain's first certificate");
    }
    Error::local("bad-certificate-file", format!("a certificate of the chain cannot be used: {why}"))
}
