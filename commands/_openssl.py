"""The options of `openssl s_client` (3.0, with what later versions added), and what says the same here.

One table for three readers: the hints for a wrong option, the list in the manual page, and `tlstool s_client`, which translates.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Fate = Literal["translated", "needless", "refused"]
"""What becomes of an option: there are words for it here; it is so anyway, or makes no difference; there is nothing like it."""


class Word(NamedTuple):
    """An option of s_client.

    Attributes:
        name: with its dash.
        value: what its value is, as a word in capitals; empty if it takes none.
        fate: see `Fate`.
        meaning: for `translated` the words here, in which `value` stands for the value; for `needless` why, as the end of a
            sentence that begins with "it is"; for `refused` what to do instead.
    """

    name: str
    value: str
    fate: Fate
    meaning: str


def _words(fate: Fate, table: str) -> dict[str, Word]:
    found = {}
    for line in table.strip().splitlines():
        spec, _, meaning = line.partition("|")
        name, _, value = spec.strip().partition(" ")
        found[name] = Word(name, value, fate, meaning.strip())
    return found


_TRANSLATED = _words(
    "translated",
    """
    -connect HOST:PORT            | TARGET
    -host HOST                    | TARGET
    -port PORT                    | TARGET
    -unix PATH                    | unix:PATH
    -4                            | -4
    -6                            | -6
    -bind ADDRESS                 | --bind ADDRESS
    -proxy HOST:PORT              | --proxy http://HOST:PORT
    -proxy_user USER              | --proxy http://USER@HOST:PORT
    -proxy_pass file:FILE         | --proxy-pass-file FILE
    -starttls PROTOCOL            | --starttls PROTOCOL
    -xmpphost NAME                | --xmpp-to NAME
    -name NAME                    | --xmpp-to NAME
    -servername NAME              | --sni NAME
    -noservername                 | --no-sni
    -verify_hostname NAME         | --verify-name NAME
    -verify_ip ADDRESS            | --verify-name ADDRESS
    -CAfile FILE                  | --ca FILE
    -CApath DIR                   | --ca DIR
    -verifyCAfile FILE            | --ca FILE
    -verifyCApath DIR             | --ca DIR
    -CRL FILE                     | --crl FILE
    -attime SECONDS               | --at TIME
    -purpose PURPOSE              | --purpose server
    -dane_tlsa_rrdata DATA        | --tlsa DATA
    -cert FILE                    | --cert FILE
    -key FILE                     | --key FILE
    -pass file:FILE               | --pass-file FILE
    -tls1                         | --tls 1.0
    -tls1_1                       | --tls 1.1
    -tls1_2                       | --tls 1.2
    -tls1_3                       | --tls 1.3
    -no_tls1_2                    | --tls 1.3
    -no_tls1_3                    | --tls 1.2
    -min_protocol VERSION         | --tls-min VERSION
    -max_protocol VERSION         | --tls-max VERSION
    -cipher LIST                  | --ciphers LIST
    -ciphersuites LIST            | --ciphers LIST
    -groups LIST                  | --groups LIST
    -curves LIST                  | --groups LIST
    -sigalgs LIST                 | --sigalgs LIST
    -alpn LIST                    | --alpn LIST
    -ech_grease                   | --ech grease
    -keylogfile FILE              | --keylog FILE
    -early_data FILE              | --early-data FILE
    -reconnect                    | --reconnect 5
    -keymatexport LABEL           | --export-keying LABEL:20
    -keymatexportlen NUMBER       | --export-keying LABEL:NUMBER
    -quiet                        | --pipe --quiet
    -ign_eof                      | --pipe --half-close none
    -crlf                         | --pipe --crlf
    -showcerts                    | --chain -
    -msg                          | -vv
    -debug                        | -vv
    -trace                        | -vv
    -state                        | -vv
    -tlsextdebug                  | -vv
    -security_debug               | -vv
    -security_debug_verbose       | -vv
    """,
)

_NEEDLESS = _words(
    "needless",
    """
    -verify DEPTH                 | the default: certificates are always verified, to any depth
    -verify_depth DEPTH           | of no meaning: chains are verified to any depth
    -verify_return_error          | the default
    -verify_quiet                 | the default
    -partial_chain                | the default: whatever --ca has is trusted
    -trusted_first                | the default
    -x509_strict                  | the default
    -crl_check                    | the default, for the lists that --crl gives
    -crl_check_all                | the default for the leaf, for the lists that --crl gives
    -CRLform FORMAT               | of no meaning: the format is recognised
    -certform FORMAT              | of no meaning: the format is recognised
    -keyform FORMAT               | of no meaning: the format is recognised
    -no-CAfile                    | of no meaning: --ca trusts nothing else, and --roots none trusts nothing
    -no-CApath                    | of no meaning: --ca trusts nothing else, and --roots none trusts nothing
    -no-CAstore                   | of no meaning: --ca trusts nothing else, and --roots none trusts nothing
    -dane_tlsa_domain NAME        | of no meaning: the records are for the name that is verified
    -dane_ee_no_namechecks        | the default (RFC 7671 section 5.1)
    -status                       | the default
    -ct                           | the default: the certificate's own are shown
    -noct                         | of no meaning: nothing is asked for
    -brief                        | the default
    -prexit                       | the default
    -nocommands                   | the default: nothing in the data is a command
    -no_ign_eof                   | the default
    -ignore_unexpected_eof        | the default; --strict-close makes it an error
    -no_ssl2                      | the default
    -no_ssl3                      | the default
    -no_tls1                      | the default
    -no_tls1_1                    | the default
    -no_comp                      | the default
    -no_renegotiation             | the default
    -no_legacy_server_connect     | the default
    -nameopt OPTIONS              | of no meaning: names are written as in RFC 4514
    -nbio                         | of no meaning
    -nbio_test                    | of no meaning
    -async                        | of no meaning
    -bugs                         | of no meaning
    -serverpref                   | of no meaning for a client
    -read_buf SIZE                | of no meaning
    -max_pipelines NUMBER         | of no meaning
    -rand FILE                    | of no meaning
    -writerand FILE               | of no meaning
    """,
)

_REFUSED = _words(
    "refused",
    """
    -sess_out FILE                | sessions live as long as a run: --reconnect N resumes within one
    -sess_in FILE                 | sessions live as long as a run: --reconnect N resumes within one
    -no_ticket                    | the report counts the tickets, which nobody has to use
    -cert_chain FILE              | put the chain behind the certificate in the file of --cert
    -build_chain                  | put the chain behind the certificate in the file of --cert
    -msgfile FILE                 | -vv writes to stderr: 2> FILE
    -CAstore URI                  | export the certificates, and name the file with --ca
    -verifyCAstore URI            | export the certificates, and name the file with --ca
    -crl_download                 | fetch the list yourself, and name the file with --crl
    -no_check_time                | --at TIME judges as of a time when the certificate was valid
    -ignore_critical              | -k reports everything and fails nothing
    -verify_email ADDRESS         | servers have names and addresses: --verify-name NAME
    -nextprotoneg LIST            | NPN is gone; its successor is --alpn LIST
    -ech_config_list BASE64       | put it into a file: --ech FILE
    -ssl2                         | nothing here speaks SSL 2
    -ssl3                         | nothing here speaks SSL 3; tlslite-ng does
    -dtls                         | there is no DTLS here
    -dtls1                        | there is no DTLS here
    -dtls1_2                      | there is no DTLS here
    -timeout                      | there is no DTLS here; a run has --timeout TIME
    -mtu SIZE                     | there is no DTLS here
    -quic                         | there is no QUIC here
    -psk KEY                      | there are no external keys here
    -psk_identity NAME            | there are no external keys here
    -psk_session FILE             | there are no external keys here
    -srpuser NAME                 | there is no SRP here
    -srppass SOURCE               | there is no SRP here
    -srp_strength BITS            | there is no SRP here
    -use_srtp LIST                | there is no SRTP here
    -engine NAME                  | keys are read from files alone
    -ssl_client_engine NAME       | keys are read from files alone
    -provider NAME                | keys are read from files alone
    -enable_pha                   | nothing here authenticates after the handshake
    -fallback_scsv                | no fallback is made here that would need it
    -client_sigalgs LIST          | our own certificate signs with what the peer asks for
    -requestCAfile FILE           | clients have no use for it
    -serverinfo TYPES             | the hello is not to be changed
    -maxfraglen SIZE              | the hello is not to be changed
    -max_send_frag SIZE           | records are as large as may be
    -split_send_frag SIZE         | records are as large as may be
    -record_padding SIZE          | records are not padded
    -comp                         | compression is gone (RFC 8446, CRIME)
    -legacy_renegotiation         | nothing here renegotiates
    -client_renegotiation         | nothing here renegotiates
    -legacy_server_connect        | --backend openssl follows the configuration of the system's OpenSSL
    -allow_no_dhe_kex             | resumption is always with a fresh exchange
    -no_etm                       | the hello is not to be changed
    -no_middlebox                 | the hello is not to be changed
    -policy NAME                  | policies are not judged
    -auth_level LEVEL             | weak keys and signatures are always told
    """,
)

WORDS: dict[str, Word] = _TRANSLATED | _NEEDLESS | _REFUSED
"""All of them by name."""

FOR_HELP: dict[str, str] = {
    f"{word.name} {word.value}".strip(): word.meaning.partition(":")[0] if word.fate == "needless" else word.meaning
    for word in WORDS.values()
    if word.fate != "refused" and not word.meaning.startswith("of no meaning")
}
"""Options that people may try here, with what they are called here, for hints and for the manual page."""
