use super::*;

#[test]
fn what_rustls_says_of_a_peer_is_put_in_words() {
    let said = |error: rustls::Error| Error::from(error).to_string();
    assert_eq!(said(PeerIncompatible::NoCipherSuitesInCommon.into()), "no cipher suite is in common");
    assert_eq!(said(rustls::PeerMisbehaved::MissingKeyShare.into()), "the peer broke the protocol: missing key share");
}

#[test]
fn alerts_go_by_the_names_of_the_registry() {
    let named = [
        (40, "handshake_failure"),
        (48, "unknown_ca"),
        (112, "unrecognized_name"),
        (115, "unknown_psk_identity"),
        (116, "certificate_required"),
        (121, "ech_required"),
        (200, "alert 200"),
    ];
    for (number, name) in named {
        assert_eq!(alert_name(AlertDescription::from(number)), name);
    }
}

#[test]
fn what_the_system_says_has_no_number() {
    assert_eq!(reason(io::Error::from_raw_os_error(104)), "connection reset by peer");
    assert_eq!(reason(io::Error::other("Odd")), "odd");
}
