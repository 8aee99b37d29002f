//! What the status page says, in three formats.

use std::fmt::Write;
use std::net::SocketAddr;

use rustls::HandshakeKind;
use rustls::server::UnbufferedServerConnection;
use serde::Serialize;

use super::super::brought::Brought;
use super::super::{ClientCertificate, EarlyDataReceived};
use crate::provider::{group_name, suite_name, version_name};

/// What client and server agreed on: the keys of `/json`.
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

    pub fn json(&self) -> String {
        // Strings and nulls: there is nothing in it that could fail.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    pub fn text(&self) -> String {
        let mut text = String::with_capacity(256);
        for (label, value) in self.lines() {
            let _ = writeln!(text, "{label:<16}{value}");
        }
        text
    }

    pub fn html(&self) -> String {
        let mut page = String::with_capacity(2048);
        let version = self.tls.unwrap_or("?");
        let _ = write!(page, "{HEAD}<title>TLS {version}: tlstool</title>\n</head>\n<body>\n<main>\n");
        let _ = write!(page, "<h1>You speak TLS&nbsp;{version}</h1>\n<dl>\n");
        for (label, value) in self.lines() {
            let _ = writeln!(page, "<dt>{label}</dt><dd>{}</dd>", Escaped(value));
        }
        page.push_str(TAIL);
        page
    }

    fn lines(&self) -> [(&'static str, &str); 7] {
        let handshake = match self.kind {
            Some("full") => "full",
            Some("full_with_retry") => "full, after a HelloRetryRequest",
            Some("resumed") => "resumed from an earlier session",
            _ => "unknown",
        };
        [
            ("Version", self.tls.unwrap_or("unknown")),
            ("Cipher suite", self.suite.as_deref().unwrap_or("unknown")),
            ("Key exchange", self.group.as_deref().unwrap_or("none, the session was resumed")),
            ("Protocol (ALPN)", self.alpn.as_deref().unwrap_or("none")),
            ("Name (SNI)", self.sni.as_deref().unwrap_or("none")),
            ("Handshake", handshake),
            ("Your address", &self.peer),
        ]
    }
}

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<meta name=\"color-scheme\" content=\"light dark\">
<link rel=\"icon\" href=\"data:,\">
<style>
body { font: 1rem/1.6 system-ui, sans-serif; margin: 0; }
main { max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; }
dt { opacity: .65; }
dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
footer { margin-top: 2rem; font-size: .875rem; opacity: .65; }
</style>
";

const TAIL: &str = "</dl>
<footer>Served by tlstool. The same as <a href=\"/json\">JSON</a>.</footer>
</main>
</body>
</html>
";

/// Text of a peer's in HTML: markup is shown, control characters are replaced.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if c.is_control() => f.write_char(char::REPLACEMENT_CHARACTER),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_stays_text() {
        let facts = Facts {
            tls: Some("1.3"),
            suite: None,
            group: None,
            alpn: None,
            sni: Some("<script>alert('1')</script>\u{1b}\"&".to_owned()),
            kind: None,
            client_certificate: None,
            early_data: None,
            peer: "127.0.0.1:1".to_owned(),
        };
        let page = facts.html();
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\u{fffd}&quot;&amp;"));
        assert!(!page.contains("<script"));
        assert!(
            facts
                .json()
                .contains(r#""sni":"<script>alert('1')</script>\u001b\"&","kind":null,"client_certificate":null"#)
        );
    }
}
