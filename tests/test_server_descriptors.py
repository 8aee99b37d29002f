"""The engine's server when the process has no descriptors left."""

from __future__ import annotations

import datetime
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

pytest.importorskip("tlstool._native")

SERVER = """
import resource, socket, sys
from tlstool import _native, model, sites

chain, key = (open(name, "rb").read() for name in sys.argv[1:])
config = sites.ServerConfig((sites.Site((model.Identity(chain, key, "chain", "key"),)),), threads=2)
listener = socket.create_server(("127.0.0.1", 0), backlog=256)
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
print(listener.getsockname()[1], flush=True)
served = _native.serve(_native.ServerConfig(model.plain(config)), [[listener.fileno()]], lambda _: None, 0)
print(served["connections"], flush=True)
"""


def test_a_server_without_descriptors_lets_clients_wait_and_then_serves_them(tmp_path: Path) -> None:
    chain, key = identity(tmp_path)
    command = [sys.executable, "-c", SERVER, str(chain), str(key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            idle = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(80)]
            with socket.create_connection(("127.0.0.1", port), timeout=10) as waiting:
                # More clients than the process may have descriptors: this one is behind them all.
                for stream in idle:
                    stream.close()
                context = ssl.create_default_context(cafile=chain)
                with context.wrap_socket(waiting, server_hostname="localhost") as tls:
                    tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    assert tls.recv(15) == b"HTTP/1.1 200 OK"
            server.stdin.close()
            assert int(server.stdout.readline()) == 81
        finally:
            server.kill()


def identity(folder: Path) -> tuple[Path, Path]:
    """Files with a certificate for localhost that signs itself, and with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, secret
