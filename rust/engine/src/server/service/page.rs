//! What the status page says, in three formats.

use std::fmt::Write;
use std::net::SocketAddr;

use rustls::HandshakeKind;
use rustls::server::UnbufferedServerConnection;
use serde::Serialize;

use super::super::brought::Brought;
use super::super::{ClientCertificate, EarlyDataReceived};
use super::html::{Escaped, begin, end};
use crate::hello::Decoded;
use crate::provider::{group_name, suite_name, version_name};

/// What there is to say to a client about its connection: the keys of `/json`. What becomes known of a client by other means, such
/// as its certificate, is a field here and a section below.
#[derive(Serialize)]
pub struct Page {
    #[serde(flatten)]
    pub facts: Facts,
    /// None if it is not known.
    pub hello: Option<Decoded>,
}

/// What client and server agreed on.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    pub tls: Option<&'static str>,
    pub suite: Option<String>,
    pub group: Option<String>,
    pub alpn: Option<String>,
    pub sni: Option<String>,
    pub kind: Option<&'static str>,
    pub client_certificate: Option<ClientCertificate>,
    pub early_data: Option<EarlyDataReceived>,
    pub peer: String,
}

impl Facts {
    pub fn of(tls: &UnbufferedServerConnection, brought: &Brought, peer: SocketAddr) -> Self {
        Self {
            tls: tls.protocol_version().map(version_name),
            suite: tls.negotiated_cipher_suite().map(|suite| suite_name(suite.suite())),
            group: tls.negotiated_key_exchange_group().map(|group| group_name(group.name())),
            alpn: tls.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
            sni: brought.requested_name().map(str::to_owned),
            kind: tls.handshake_kind().map(|kind| match kind {
                HandshakeKind::Full => "full",
                HandshakeKind::FullWithHelloRetryRequest => "full_with_retry",
                HandshakeKind::Resumed => "resumed",
            }),
            client_certificate: brought.certificate(),
            early_data: brought.early_data(tls.handshake_kind()),
            peer: peer.to_string(),
        }
    }

    /// Of a client with which nothing was negotiated.
    pub fn nothing(peer: SocketAddr) -> Self {
        Self {
            tls: None,
            suite: None,
            group: None,
            alpn: None,
            sni: None,
            kind: None,
            client_certificate: None,
            early_data: None,
            peer: peer.to_string(),
        }
    }
}

/// A heading of the page with labels and values below it.
struct Section {
    heading: &'static str,
    lines: Vec<(&'static str, String)>,
}

impl Page {
    pub fn json(&self) -> String {
        // Strings, numbers and nulls: there is nothing in it that could fail.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    pub fn text(&self) -> String {
        let mut text = String::with_capacity(2048);
        for (number, section) in self.sections().iter().enumerate() {
            if number > 0 {
                let _ = writeln!(text, "\n{}", section.heading);
            }
            for (label, value) in &section.lines {
                // A terminal may be what shows it.
                let _ = writeln!(text, "{label:<22}{}", value.replace(char::is_control, "\u{fffd}"));
            }
        }
        text
    }

    pub fn html(&self) -> String {
        let version = self.facts.tls.unwrap_or("?");
        let mut page = begin(&format_args!("TLS {version}"));
        let _ = writeln!(page, "<h1>You speak TLS&nbsp;{version}</h1>");
        for (number, section) in self.sections().iter().enumerate() {
            if number > 0 {
                let _ = writeln!(page, "<h2>{}</h2>", section.heading);
            }
            page.push_str("<dl>\n");
            for (label, value) in &section.lines {
                let _ = writeln!(page, "<dt>{label}</dt><dd>{}</dd>", Escaped(value));
            }
            page.push_str("</dl>\n");
        }
        end(&mut page, "Served by tlstool. The same as <a href=\"/json\">JSON</a>.");
        page
    }

    fn sections(&self) -> Vec<Section> {
        let negotiated = Section { heading: "Negotiated", lines: self.facts.lines() };
        let offered = self.hello.as_ref().map(|hello| Section { heading: "What you offered", lines: offered(hello) });
        std::iter::once(negotiated).chain(offered).collect()
    }
}

impl Facts {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let handshake = match self.kind {
            Some("full") => "full",
            Some("full_with_retry") => "full, after a HelloRetryRequest",
            Some("resumed") => "resumed from an earlier session",
            _ => "unknown",
        };
        let or = |value: Option<&str>, other: &str| value.unwrap_or(other).to_owned();
        vec![
            ("Version", or(self.tls, "unknown")),
            ("Cipher suite", or(self.suite.as_deref(), "unknown")),
            ("Key exchange", or(self.group.as_deref(), "none, the session was resumed")),
            ("Protocol (ALPN)", or(self.alpn.as_deref(), "none")),
            ("Name (SNI)", or(self.sni.as_deref(), "none")),
            ("Handshake", handshake.to_owned()),
            ("Your certificate", self.client_certificate.as_ref().map_or_else(|| "not asked for".to_owned(), shown)),
            ("Your address", self.peer.clone()),
        ]
    }
}

/// Whose a client's certificate is, and what there is to say against it.
fn shown(certificate: &ClientCertificate) -> String {
    let Some(subject) = &certificate.subject else { return "none, though it was asked for".to_owned() };
    let faults: Vec<_> = certificate.findings.iter().map(|finding| finding.message.as_str()).collect();
    if faults.is_empty() { format!("{subject}, verified") } else { format!("{subject}: {}", faults.join("; ")) }
}

/// A hello's lists, in its own order.
fn offered(hello: &Decoded) -> Vec<(&'static str, String)> {
    let list = |values: &[String]| if values.is_empty() { "none".to_owned() } else { values.join(", ") };
    let bytes = |count: usize| format!("{count} byte{}", if count == 1 { "" } else { "s" });
    let shares: Vec<_> =
        hello.key_shares.iter().map(|share| format!("{} ({})", share.group, bytes(share.bytes))).collect();
    vec![
        ("Versions", if hello.versions.is_empty() { hello.legacy_version.clone() } else { list(&hello.versions) }),
        ("Cipher suites", list(&hello.suites)),
        ("Groups", list(&hello.groups)),
        ("Key shares", list(&shares)),
        ("Signature schemes", list(&hello.signature_schemes)),
        ("Protocols (ALPN)", list(&hello.alpn)),
        ("Compression", list(&hello.certificate_compression)),
        ("Extensions", list(&hello.extensions)),
        ("JA3", hello.fingerprints.ja3.clone()),
        ("JA4", hello.fingerprints.ja4.clone()),
        ("Size of the hello", bytes(hello.size)),
    ]
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn facts() -> Facts {
        Facts {
            tls: Some("1.3"),
            suite: None,
            group: None,
            alpn: None,
            sni: Some("<script>alert('1')</script>\u{1b}\"&".to_owned()),
            kind: None,
            client_certificate: None,
            early_data: None,
            peer: "127.0.0.1:1".to_owned(),
        }
    }

    #[test]
    fn what_a_peer_says_stays_text() {
        let page = Page { facts: facts(), hello: None };
        let html = page.html();
        assert!(html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\u{fffd}&quot;&amp;"));
        assert!(!html.contains("<script"));
        assert!(
            page.json()
                .contains(r#""sni":"<script>alert('1')</script>\u001b\"&","kind":null,"client_certificate":null"#)
        );
        assert!(page.text().contains("</script>\u{fffd}\"&"));
    }
}
