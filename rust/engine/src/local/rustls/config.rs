//! The configuration of Rustls for a measurement: one version, one suite, one group, and what is to be kept of sessions.

use std::slice::from_ref;
use std::sync::Arc;

use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{ClientConfig, ConfigBuilder, ConfigSide, RootCertStore, ServerConfig, WantsVerifier, WantsVersions};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::local::{KEPT_SESSIONS, LocalScenario, LocalSpec, names, not_selectable};
use crate::{Error, Result, provider};

/// Sessions of one server that a client keeps.
const OWN_SESSIONS: usize = 1;

/// Client and server.
pub fn both(spec: &LocalSpec) -> Result<(ClientConfig, ServerConfig)> {
    let provider = provider::provider(from_ref(&spec.suite), from_ref(&spec.group)).map_err(unsupported)?;
    let roots = Arc::new(roots(spec)?);
    let client = client(provider.clone(), spec, &roots)?;
    let server = server(provider, spec, &roots)?;
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

fn client(provider: Arc<CryptoProvider>, spec: &LocalSpec, roots: &Arc<RootCertStore>) -> Result<ClientConfig> {
    let builder = versions(ClientConfig::builder_with_provider(provider), spec)?.with_root_certificates(roots.clone());
    let mut config = if spec.has_client_auth() {
        let (chain, key) = identity(&spec.client_chain_pem, &spec.client_key_pem)?;
        builder.with_client_auth_cert(chain, key).map_err(|why| bad_identity(&why))?
    } else {
        builder.with_no_client_auth()
    };
    config.resumption = sessions(spec.scenario);
    config.cert_compressors = Vec::new();
    config.cert_decompressors = Vec::new();
    Ok(config)
}

fn server(provider: Arc<CryptoProvider>, spec: &LocalSpec, roots: &Arc<RootCertStore>) -> Result<ServerConfig> {
    let (chain, key) = identity(&spec.chain_pem, &spec.key_pem)?;
    let builder = versions(ServerConfig::builder_with_provider(provider.clone()), spec)?;
    let builder = if spec.has_client_auth() {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider)
            .build()
            .map_err(|why| Error::local("bad-certificate-file", format!("a root cannot be used: {why}")))?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|why| bad_identity(&why))?;
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

fn identity(chain: &[u8], key: &[u8]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|why| Error::local("bad-key", format!("the private key cannot be read: {why}")))?;
    Ok((chain, key))
}

fn unsupported(error: Error) -> Error {
    match error {
        Error::Unsupported(why) => not_selectable(&why),
        other => other,
    }
}

fn bad_identity(why: &rustls::Error) -> Error {
    if let rustls::Error::InconsistentKeys(_) = why {
        return Error::local("key-mismatch", "the private key is not that of the chain's first certificate");
    }
    Error::local("bad-certificate-file", format!("a certificate of the chain cannot be used: {why}"))
}
