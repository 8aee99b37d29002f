//! What a server has counted, in the text format of Prometheus (version 0.0.4 of its exposition formats).

use std::fmt::{Display, Write};
use std::time::SystemTime;

use super::counters::{BUCKETS, KINDS, Sums, VERSIONS};

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Base units, and names that end in `_total` for what only grows, as Prometheus wants it.
pub fn text(sums: &Sums, unreported: u64, started: SystemTime) -> String {
    let mut page = Page(String::with_capacity(4096));
    page.one("connections_total", "counter", "Connections accepted.", sums.accepted);
    page.one("connections_active", "gauge", "Connections that are open.", sums.active());
    page.head("handshakes_total", "counter", "Handshakes completed, by version and kind.");
    for (version, kinds) in VERSIONS.iter().zip(&sums.handshakes) {
        for (kind, count) in KINDS.iter().zip(kinds) {
            page.line("handshakes_total", &format!("{{tls=\"{version}\",kind=\"{kind}\"}}"), count);
        }
    }
    page.handshake_times(sums);
    page.head("failed_connections_total", "counter", "Connections that ended in an error, by its code.");
    for (code, count) in &sums.failures {
        page.line("failed_connections_total", &format!("{{code=\"{code}\"}}"), count);
    }
    page.one("refused_connections_total", "counter", "Clients turned away at once.", sums.refused);
    page.one("requests_total", "counter", "Requests answered.", sums.requests);
    page.one("received_bytes_total", "counter", "Application data received, in bytes.", sums.received);
    page.one("sent_bytes_total", "counter", "Application data sent, in bytes.", sums.sent);
    page.one(
        "unreported_connections_total",
        "counter",
        "Connections whose event was lost to a slow reader.",
        unreported,
    );
    page.head("build_info", "gauge", "The version of tlstool.");
    page.line("build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
    let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    page.one("start_time_seconds", "gauge", "When the server started, since the epoch.", started.as_secs_f64());
    page.0
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP tlstool_{name} {help}\n# TYPE tlstool_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "tlstool_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }

    /// A histogram, whose classes hold all that is shorter as well.
    fn handshake_times(&mut self, sums: &Sums) {
        self.head("handshake_seconds", "histogram", "From accept to the end of the handshake.");
        let mut count = 0;
        for (end, more) in BUCKETS.iter().zip(&sums.handshake_times) {
            count += more;
            self.line("handshake_seconds_bucket", &format!("{{le=\"{}\"}}", end.as_secs_f64()), count);
        }
        count += sums.handshake_times[BUCKETS.len()];
        self.line("handshake_seconds_bucket", "{le=\"+Inf\"}", count);
        // Precise to a microsecond for 285 years of handshakes.
        #[allow(clippy::cast_precision_loss)]
        self.line("handshake_seconds_sum", "", sums.handshake_us as f64 / 1e6);
        self.line("handshake_seconds_count", "", count);
    }
}
