//! How a connection ends that cannot go on: what is said to the client, and what is noted as the reason.

use std::io;
use std::time::Instant;

use rustls::ProtocolVersion;

use super::{Client, Cue, Incoming, Phase};
use crate::Error;
use crate::conn;
use crate::error::reason;
use crate::server::alert;
use crate::server::history::Ending;
use crate::server::identities::take_refusal;
use crate::server::service::http;
use crate::server::turn::{Outcome, Turn};

impl Client {
    /// Say `close_notify` after all that was said before.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        if !turn.site.misconduct.truncate {
            // It fails only on a session that is broken already, and then there is nobody to tell.
            let _ = conn::close_notify(&mut self.tls, &mut self.partial, &mut turn.buffers.output);
        }
        self.phase = Phase::Closing;
        self.clock = turn.now;
    }

    pub(super) fn close_now(&mut self, turn: &mut Turn<'_>) -> Outcome {
        self.close(turn);
        self.sending(turn).unwrap_or_else(|| self.turn(turn))
    }

    /// The session is broken: what the output holds (an alert) goes out, nothing else does.
    pub(super) fn fail(&mut self, error: Error, now: Instant) {
        self.history.ends(Ending::Error);
        self.error = Some(Box::new(error));
        self.phase = Phase::Closing;
        self.clock = now;
    }

    /// What the client sent broke the session. If it is no TLS at all, it may at least be told so in its own words.
    pub(super) fn refuse(&mut self, turn: &mut Turn<'_>, error: rustls::Error, used: usize) {
        if let Some(refusal) = take_refusal() {
            let error = refusal.tell(&mut turn.buffers.output);
            return self.fail(error, turn.now);
        }
        let begun = self.phase == Phase::Open || self.tls.protocol_version().is_some();
        let error = self.brought.refusal(error);
        if error == Error::NoClientCertificate && self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_2) {
            // rustls says certificate_required, which TLS 1.2 does not have (RFC 5246 section 7.4.6).
            alert::instead(&mut turn.buffers.output, alert::HANDSHAKE_FAILURE);
        }
        if !matches!(error, Error::NotTls { .. }) || begun {
            return self.fail(error, turn.now);
        }
        let first = &turn.buffers.input[..(used + self.partial.len()).min(64)];
        if turn.site.offer.speaks_http() && http::is_plain_request(first) {
            turn.buffers.output.clear();
            if self.wire.write(http::PLAIN_REQUEST_ANSWER).is_err() {
                self.incoming = Incoming::Ended;
            }
        }
        self.fail(Error::NotTls { first_bytes: first.to_vec() }, turn.now);
        self.partial = Vec::new();
    }

    /// The client has closed its side without `close_notify`. Between two messages that is common, and no fault.
    pub(super) fn ended(&mut self, turn: &mut Turn<'_>) -> Outcome {
        self.incoming = Incoming::Ended;
        self.history.ends(Ending::Fin);
        if self.phase == Phase::Handshake {
            return self.over_with(Error::ConnectionClosed);
        }
        if !self.is_idle() {
            return self.over_with(Error::ConnectionReset(
                "the client closed the connection in the middle of a message".to_owned(),
            ));
        }
        self.serve_now(turn, Cue::End)
    }

    /// The connection broke. With a session up and nothing under way that is a client in a hurry, and no fault.
    pub(super) fn broken(&mut self, error: io::Error) -> Outcome {
        self.history.ends(Ending::Reset);
        if self.phase == Phase::Handshake || !self.is_idle() && !self.service.is_endless() {
            self.error.get_or_insert_with(|| {
                Box::new(Error::ConnectionReset(format!("the client broke the connection: {}", reason(error))))
            });
        }
        Outcome::Over
    }

    pub(super) fn over_with(&mut self, error: Error) -> Outcome {
        self.error = Some(Box::new(error));
        Outcome::Over
    }
}
