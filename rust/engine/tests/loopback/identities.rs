//! What a server shows, to clients that go by names and to such as know raw public keys.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{ClientConnection, DigitallySignedStruct, Error as TlsError, SignatureScheme};
use tlstool_engine::{Mode, NamedSpec};

use crate::common::{Server, certificates, exchange, spec};

/// Takes any public key, and no certificate.
#[derive(Debug)]
struct RawKeys(Arc<CryptoProvider>);

impl ServerCertVerifier for RawKeys {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("raw public keys are for TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

fn raw_key_client() -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    Arc::new(builder.with_custom_certificate_verifier(Arc::new(RawKeys(provider))).with_no_client_auth())
}

/// The error of a client whose handshake fails.
fn failure(server: &Server, config: &Arc<rustls::ClientConfig>) -> String {
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut tcp = server.tcp();
    tls.complete_io(&mut tcp).expect_err("the handshake fails").to_string()
}

#[test]
fn a_client_that_knows_raw_public_keys_is_shown_one_and_another_gets_an_alert() {
    let server = Server::start(Mode::Echo, |spec| spec.sites[0].raw_public_key = true);
    let mut tls = server.tls_with(&raw_key_client());
    assert_eq!(exchange(&mut tls, b"by key alone"), b"by key alone");
    assert_eq!(tls.conn.peer_certificates().unwrap().len(), 1);
    drop(tls);
    assert!(failure(&server, &server.client_config()).contains("HandshakeFailure"));
    let events = server.events(2);
    assert_eq!((events[0].error, events[1].error), (None, Some("peer-incompatible")));
    assert!(events[1].message.as_ref().unwrap().contains("raw public key"));
}

#[test]
fn raw_public_keys_and_old_versions_do_not_go_together() {
    let mut spec = spec(Mode::Echo, certificates("the CA").identity);
    spec.sites[0].raw_public_key = true;
    spec.sites[0].versions = vec!["1.2".to_owned()];
    assert_eq!(tlstool_engine::ServerConfig::new(&spec).err().unwrap().code(), "unsupported");
}

#[test]
fn a_name_that_is_not_known_is_answered_by_an_alert_of_its_own_and_a_kept_session_stays() {
    let other = certificates("the other CA").identity;
    let server = Server::start(Mode::Echo, |spec| {
        let site = &mut spec.sites[0];
        let own = site.identities.remove(0);
        site.named = vec![
            NamedSpec { name: "other.test".to_owned(), identity: other },
            NamedSpec { name: "localhost".to_owned(), identity: own },
        ];
        site.sni_strict = true;
    });
    let mut kept = server.tls();
    for name in ["unknown.test", "127.0.0.1"] {
        let name = ServerName::try_from(name).unwrap();
        let mut tls = ClientConnection::new(server.client_config(), name).unwrap();
        let mut tcp = server.tcp();
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).unwrap();
        tcp.write_all(&hello).unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, [21, 3, 3, 0, 2, 2, 112]);
    }
    assert_eq!(exchange(&mut kept, b"still here"), b"still here");
    drop(kept);
    let events = server.events(3);
    assert!(events[0].message.as_ref().unwrap().contains("unknown.test"));
    assert_eq!((events[0].sni.as_deref(), events[0].error), (Some("unknown.test"), Some("peer-incompatible")));
    assert_eq!((events[1].sni.as_deref(), events[1].error), (None, Some("peer-incompatible")));
}
