"""A server's half of TLS 1.3 that can be made to say anything: one suite, one group, records and messages by hand (RFC 8446)."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pki
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

AES_128_GCM, X25519, TLS_1_3, TLS_1_2 = 0x1301, 0x001D, 0x0304, 0x0303
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
LARGEST_RECORD = 1 << 14

EMPTY_KEY_SHARE = bytes(32)
KEY_UPDATE, KEY_UPDATE_REQUESTED = b"\x18\0\0\x01\0", b"\x18\0\0\x01\x01"
WARNING = bytes([1, 90])
"""The alert user_canceled, which ends nothing."""


def sized(data: bytes, octets: int) -> bytes:
    return len(data).to_bytes(octets) + data


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes([kind]) + sized(body, 3)


def record(kind: int, data: bytes, version: int = TLS_1_2) -> bytes:
    return bytes([kind]) + version.to_bytes(2) + sized(data, 2)


def extension(number: int, data: bytes) -> bytes:
    return number.to_bytes(2) + sized(data, 2)


@dataclass(frozen=True)
class ClientHello:
    """What an answer to it needs."""

    whole: bytes
    session: bytes
    share: bytes

    @classmethod
    def parse(cls, whole: bytes) -> ClientHello:
        at = 4 + 2 + 32
        session = whole[at + 1 : at + 1 + whole[at]]
        at += 1 + len(session)
        at += 2 + int.from_bytes(whole[at : at + 2])
        at += 1 + whole[at] + 2
        share = EMPTY_KEY_SHARE
        for number, body in _pairs(whole[at:]):
            if number == 51:
                share = dict(_pairs(body[2:])).get(X25519, share)
        return cls(whole, session, share)


def _pairs(data: bytes) -> Iterable[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 2 : at + 4])
        yield int.from_bytes(data[at : at + 2]), data[at + 4 : at + 4 + size]
        at += 4 + size


def server_hello(
    session: bytes, share: bytes, *, suite: int = AES_128_GCM, group: int = X25519, version: int = TLS_1_3, more: bytes = b""
) -> bytes:
    """A ServerHello; `more` are further extensions."""
    extensions = extension(43, version.to_bytes(2)) + extension(51, group.to_bytes(2) + sized(share, 2)) + more
    body = TLS_1_2.to_bytes(2) + bytes(range(32)) + sized(session, 1) + suite.to_bytes(2) + b"\0" + sized(extensions, 2)
    return message(2, body)


def encrypted_extensions(*extensions: bytes) -> bytes:
    return message(8, sized(b"".join(extensions), 2))


def certificates(chain: Sequence[bytes]) -> bytes:
    return message(11, b"\0" + sized(b"".join(sized(der, 3) + b"\0\0" for der in chain), 3))


def ticket(nonce: int = 0) -> bytes:
    body = (7200).to_bytes(4) + bytes(4) + sized(nonce.to_bytes(4), 1) + sized(bytes(32), 2) + b"\0\0"
    return message(4, body)


class Server:
    """The server's half of one connection. What is said is up to its user, and so is the order.

    Attributes:
        sock: the connection.
        hello: the client's, once it was read.
    """

    hello: ClientHello

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._heard = b""
        self._seal: AESGCM | None = None
        self._iv = b""
        self._count = 0
        self._secret = b""

    def read_hello(self) -> ClientHello:
        """The ClientHello, which may come in several records."""
        stream, found = self.sock.makefile("rb", buffering=0), b""
        while len(found) < 4 or len(found) < 4 + int.from_bytes(found[1:4]):
            header = _exactly(stream.read, 5)
            found += _exactly(stream.read, int.from_bytes(header[3:5]))
        self.hello = ClientHello.parse(found)
        self._heard = found
        return self.hello

    def answer(self, more: bytes = b"") -> None:
        """Send a good ServerHello, and go on encrypted."""
        self.read_hello()
        private = x25519.X25519PrivateKey.generate()
        share = private.public_key().public_bytes_raw()
        said = server_hello(self.hello.session, share, more=more)
        self.sock.sendall(record(HANDSHAKE, said))
        self._heard += said
        shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(self.hello.share))
        early = _extract(bytes(32), bytes(32))
        self._secret = _extract(_expand(early, b"derived", hashlib.sha256().digest()), shared)
        self._traffic = _expand(self._secret, b"s hs traffic", self._transcript())
        self._use(self._traffic)

    def say(self, *messages: bytes, size: int = LARGEST_RECORD) -> None:
        """Send handshake messages in records of so many bytes."""
        said = b"".join(messages)
        self._heard += said
        self.seal(HANDSHAKE, said, size)

    def seal(self, kind: int, data: bytes, size: int = LARGEST_RECORD) -> None:
        """Send encrypted records of any kind, which need not be part of the handshake."""
        self.sock.sendall(b"".join(self.sealed(kind, data[at : at + size]) for at in range(0, len(data) or 1, size)))

    def sealed(self, kind: int, data: bytes) -> bytes:
        """One encrypted record."""
        assert self._seal is not None
        header = bytes([DATA]) + TLS_1_2.to_bytes(2) + (len(data) + 17).to_bytes(2)
        nonce = (int.from_bytes(self._iv) ^ self._count).to_bytes(12)
        self._count += 1
        return header + self._seal.encrypt(nonce, data + bytes([kind]), header)

    def certificate(self, issued: pki.Issued, chain: Sequence[bytes]) -> None:
        """Say a certificate chain, and that the key is there."""
        self.say(certificates(chain))
        signed = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + self._transcript()
        scheme, signature = _signature(issued.key, signed)
        self.say(message(15, scheme.to_bytes(2) + sized(signature, 2)))

    def finish(self) -> None:
        """Say that the handshake is over, hear the same from the client, and go on with the keys of the session."""
        verify = hmac.digest(_expand(self._traffic, b"finished", b""), self._transcript(), "sha256")
        self.say(message(20, verify))
        master = _extract(_expand(self._secret, b"derived", hashlib.sha256().digest()), bytes(32))
        self._traffic = _expand(master, b"s ap traffic", self._transcript())
        self._use(self._traffic)

    def renewed(self, update: bytes = KEY_UPDATE) -> bytes:
        """The record of a KeyUpdate; what follows has the next keys."""
        sealed = self.sealed(HANDSHAKE, update)
        self._traffic = _expand(self._traffic, b"traffic upd", b"")
        self._use(self._traffic)
        return sealed

    def _transcript(self) -> bytes:
        return hashlib.sha256(self._heard).digest()

    def _use(self, traffic: bytes) -> None:
        self._seal, self._iv, self._count = AESGCM(_expand(traffic, b"key", b"", 16)), _expand(traffic, b"iv", b"", 12), 0


def established(sock: socket.socket, issued: pki.Issued, *extensions: bytes) -> Server:
    """A server whose part of a good handshake is done."""
    server = Server(sock)
    server.answer()
    server.say(encrypted_extensions(*extensions))
    server.certificate(issued, [issued.der])
    server.finish()
    return server


def _signature(key: pki.Key, data: bytes) -> tuple[int, bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return 0x0804, key.sign(data, pss, hashes.SHA256())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return 0x0403, key.sign(data, ec.ECDSA(hashes.SHA256()))


def _extract(salt: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt, secret, "sha256")


def _expand(secret: bytes, label: bytes, context: bytes, size: int = 32) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1), of one block."""
    info = size.to_bytes(2) + sized(b"tls13 " + label, 1) + sized(context, 1)
    return hmac.digest(secret, info + b"\x01", "sha256")[:size]


def _exactly(read: object, size: int) -> bytes:
    assert callable(read)
    found = b""
    while len(found) < size:
        part: bytes = read(size - len(found))
        if not part:
            raise ConnectionError("the client has gone")
        found += part
    return found
