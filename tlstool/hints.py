"""What to do or type next about a fault of a certificate chain, by its code: the standing hints. `advice` may know better."""

OF_CHAINS: dict[str, str] = {
    "unknown-issuer": "if the authority is your own, name its certificate with --ca FILE, or --extra-ca FILE besides others",
    "self-signed": "if you trust this very certificate, save it (--chain FILE) and name it with --ca FILE",
    "missing-intermediate": "the server should send the intermediate certificate; until then, --ca FILE can supply it",
    "bad-signature": "the certificate was changed, or another authority has the same name: have it issued anew",
    "bad-certificate": "have the certificate issued anew, or see what it says with --json",
    "wrong-purpose": "the server needs a certificate whose extendedKeyUsage has serverAuth; --purpose any leaves that out",
    "ca-as-leaf": "the first certificate has to be the server's own, and that of no authority",
    "not-a-ca": "the server has to send the certificates of authorities behind its own; have it issued by one",
    "path-length": "the authority has to issue the certificate itself, or be given a longer pathLenConstraint",
    "name-constraint": "have the certificate issued by an authority that may do so for this name",
    "unknown-critical-extension": "have the certificate issued without it, or not marked as critical",
    "weak-signature": "have the certificate issued anew with SHA-256",
    "unsupported-signature": "have the certificate issued anew with ECDSA or RSA and SHA-256; --backend openssl may know more",
    "weak-key": "the owner needs a new key: ecdsa-p256, or rsa-2048 at least",
    "unsupported-key": "another --backend may take it; everybody takes ecdsa-p256 and rsa-2048",
    "certificate-version": "have the certificate issued anew as version 3, with its names in subjectAltName",
    "chain-too-complex": "have the server send the certificates that lead to a root, and no others",
    "must-staple-missing": "turn OCSP stapling on at the server, or have the certificate issued without that demand",
    "pin-mismatch": "if the server has a new key on purpose, pin that",
    "tlsa-mismatch": "the record in the DNS has to be of this key or certificate: publish it before the certificate changes",
    "expired": "the server needs a new certificate; if this one should be good, is the clock of this machine right?",
    "not-yet-valid": "is the clock of this machine right?",
    "revoked": "the server needs a new certificate, with a new key",
    "revocation-unknown": "fetch the list that the certificate names, and give it with --crl FILE",
    "name-mismatch": "connect by a name that the certificate has, or give it with --verify-name NAME",
}

HINTS: dict[str, str] = {
    "internal-error": "this is a bug in tlstool: please report it with the output of tlstool --version",
    "key-encrypted": "put the pass phrase into a file and name it with --pass-file FILE, or decrypt the key: "
    "openssl pkey -in FILE -out PLAIN",
    "wrong-password": "the pass phrase is the first line of --pass-file, without its end; spaces count",
    "no-key": "--key takes the file with the private key; without it, the file of --cert has to have both",
    "key-mismatch": "--key has to be the private key of the first certificate in --cert",
    "bad-staple": "have it made for this certificate: openssl ocsp -issuer CA -cert CERT -url URL -respout FILE",
    "bad-library": "--against takes the path of a libssl (libssl.so.3 or the like), or openssl for the one of Python's ssl",
    "bad-baseline": "make one with: tlstool bench local --export json:FILE",
    "package-missing": "pip install 'tlstool[report]'",
    "unsupported": "another --backend may be able to",
    "unknown-host": "check the spelling, or use an address and --sni NAME",
    "connection-refused": "is the server running, and is the port right?",
    "cannot-bind": "an address of this machine is wanted: ip address shows them",
    "out-of-descriptors": "allow the process more: ulimit -n, or LimitNOFILE= in a unit of systemd",
    "out-of-threads": "allow the user more: ulimit -u, or TasksMax= in a unit of systemd; --threads takes a smaller number, too",
    "too-many-connections": "--max-connections and --max-per-address say how many there may be",
    "proxy-auth-required": "write the user before the host, as in http://USER@HOST:PORT or socks5h://USER@HOST:PORT, and add "
    "--proxy-pass-file FILE",
    "proxy-refused": "may the proxy go to that host and port? --no-proxy '*' goes around it",
    "proxy-failed": "is that a proxy, and does it speak the protocol of the URL: http://, socks5h://, socks4a://?",
    "not-a-proxy": "is that the port of the proxy, and does it speak the protocol of the URL: http://, socks5h://, socks4a://?",
    "plain-http": "try http:// or another port",
    "plain-ssh": "try ssh, or another port",
    "plain-smtp": "the server expects STARTTLS on this port; the port for TLS from the first byte is 465",
    "plain-imap": "the server expects STARTTLS on this port; the port for TLS from the first byte is 993",
    "plain-pop3": "the server expects STLS on this port; the port for TLS from the first byte is 995",
    "plain-ftp": "the server expects AUTH TLS on this port; the port for TLS from the first byte is 990",
    "plain-http2": "the port is for HTTP/2 in the clear (h2c): try the server's port for https",
    "html-page": "a server for plain HTTP may answer so, and so may a proxy or a portal in the way",
    "plain-lmtp": "the server expects STARTTLS: --starttls lmtp",
    "plain-ldap": "the server expects StartTLS on this port: --starttls ldap; the port for TLS from the first byte is 636",
    "plain-postgres": "the server turns to TLS when asked: --starttls postgres",
    "plain-mysql": "the server turns to TLS when asked: --starttls mysql",
    "plain-xmpp": "the server turns to TLS when asked: --starttls xmpp; the port for TLS from the first byte is 5223",
    "plain-xmpp-server": "the server turns to TLS when asked: --starttls xmpp-server",
    "plain-irc": "the server may turn to TLS when asked: --starttls irc; the port for TLS from the first byte is 6697",
    "plain-nntp": "the server may turn to TLS when asked: --starttls nntp; the port for TLS from the first byte is 563",
    "plain-sieve": "the server turns to TLS when asked: --starttls sieve",
    "plain-telnet": "the server may turn to TLS when asked: --starttls telnet; the port for TLS from the first byte is 992",
    "plain-rdp": "the server turns to TLS when asked: --starttls rdp",
    "plain-mssql": "the server turns to TLS when asked: --starttls mssql",
    "plain-vnc": "VNC has TLS inside its own handshake only, which is not spoken here",
    "plain-redis": "Redis has TLS on a port of its own, which its tls-port names: often 6380",
    "plain-memcached": "memcached has TLS on a port of its own, if it was started with --enable-ssl",
    "plain-amqp": "the port for TLS from the first byte is 5671",
    "plain-mqtt": "the port for TLS from the first byte is 8883",
    "plain-socks": "to go through it, name it with --proxy socks5h://HOST:PORT",
    "ssl2": "the server wants replacing: nothing that is kept today speaks SSL 2",
    "odd-alert": "the server knows some TLS, but not this hello: try --tls 1.2, or --tls 1.0,1.1,1.2",
    "not-tls": "the port may be for another protocol, or for one that turns to TLS only later: try another port",
    "starttls-refused": "the server has TLS, or should have it, and does not give it now: its own words may say why",
    "starttls-not-offered": "is TLS configured there? another port may have it from the first byte",
    "handshake-too-large": "the server should send fewer certificates, or one with fewer names",
    "connection-closed": "the peer may want another TLS version or SNI: try --tls 1.2 or --sni NAME",
    "connection-reset": "the port may not be for TLS, or the peer wants another TLS version or SNI: try --tls 1.2 or --sni NAME",
    **OF_CHAINS,
    "client-certificate-required": "give one with --cert FILE --key FILE",
    "client-certificate-refused": "is it in force, meant for clients, and by an authority that the server trusts? "
    "its intermediates belong into --cert, too",
    "bad-ech-config": "--ech takes an ECHConfigList as base64, as PEM (RFC 9934) or as it is; auto asks the DNS for one",
    "ech-rejected": "the configuration may be out of date: ask the DNS for the present one with --ech auto",
    "truncated": "what was received may be incomplete",
}
"""The standing hint of a code. An error that knows better brings its own."""

HINT_AFTER_HANDSHAKE = "TLS itself works there: does the server speak what was sent to it, and does its log say why it ended?"
"""What may help where a peer ends a good session without an answer."""

HINTS_OF_SESSIONS: dict[str, str] = {
    "connection-closed": HINT_AFTER_HANDSHAKE,
    "connection-reset": HINT_AFTER_HANDSHAKE,
}
"""The same for what breaks behind a good handshake, where it is not that of the code."""

HINTS_OF_ALERTS: dict[str, str] = {
    "protocol_version": "the peer speaks none of the versions that were offered: allow others, such as --tls 1.0,1.1,1.2",
    "handshake_failure": "the peer found nothing in common: try other --tls, --ciphers or --groups, or --sni NAME",
    "insufficient_security": "the peer wants stronger suites or groups: leave --ciphers and --groups out",
    "unrecognized_name": "the peer serves no such name: try another with --sni NAME, or --no-sni",
    "no_application_protocol": "the peer takes none of the offered protocols: try another --alpn, or leave it out",
}
"""What may help against an alert that the peer sent, where its code has no hint."""

HINTS_OF_PHASES: dict[str, str] = {
    "dns": "is a name server reachable? an address needs none: give it, and the name with --sni NAME",
    "tcp": "a firewall may be dropping the packets: are the address and the port right?",
    "proxy": "the proxy took the connection: does it speak the protocol of its URL, and can it reach that host and port?",
    "starttls": "is --starttls the protocol of the port? where TLS begins with the first byte, leave it out",
    "handshake": "the peer took the connection, but did not finish the handshake: does the port speak TLS from the first byte?",
    "run": "the connection was good: allow it more time with --timeout TIME, or an answer with --limit answer=TIME",
}
"""What may help where a phase ran out of time."""
