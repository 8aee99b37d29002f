"""TLS servers of other makers, each on a free port of 127.0.0.1, and the program on Go's crypto/tls that is built for the tests.

Load as a pytest plugin, after `credentials`: `pytest_plugins = ("credentials", "foreign")`.
"""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
import runner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from peers import require

if TYPE_CHECKING:
    from credentials import Credentials, Pair

T = TypeVar("T")

_GO_SOURCE = Path(__file__).parent / "go" / "peer.go"
_NODE_SOURCE = Path(__file__).parent / "node" / "peer.js"
_JAVA_SOURCE = Path(__file__).parent / "java" / "Peer.java"

PASSWORD = "changeit"
"""Of what `pkcs12_of` makes."""

_GNUTLS_PORT = 5556

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        root {documents};
        {options}
    }}
}}
"""


_HAPROXY = """
defaults
    mode http
    timeout client 30s
    timeout connect 30s
    timeout server 30s
frontend tested
    bind 127.0.0.1:{port} ssl crt {both} {options}
    http-request return status 200 content-type text/plain string "haproxy"
"""


@dataclass(frozen=True)
class ForeignServer:
    """A server that listens.

    Attributes:
        port: where.
        prefix: what goes before a client's command line, for a server in a network of its own.
        said: the file with all that it has said.
    """

    port: int
    prefix: tuple[str, ...] = ()
    said: Path | None = None

    @property
    def target(self) -> str:
        """For clients that go by the certificate's name."""
        return f"localhost:{self.port}"


class ForeignServers:
    """Starts servers when they are first asked for; all of them end with the session."""

    def __init__(self, credentials: Credentials, folder: Path, go_peer: Callable[[], Path]) -> None:
        self.documents = folder / "documents"
        self.documents.mkdir()
        self._credentials = credentials
        self._folder = folder
        self._go_peer = go_peer
        self._running: dict[tuple[str, str, tuple[str, ...]], ForeignServer] = {}
        self._held = ExitStack()

    def openssl(self, identity: str = "good", *options: str | Path) -> ForeignServer:
        """`openssl s_server` with the pair of `credentials` that is called so, which serves `documents`."""
        return self._once(self._start_openssl, identity, options)

    def nginx(self, identity: str = "good", *options: str | Path) -> ForeignServer:
        """nginx, which serves `documents`; the options are lines of its `server`."""
        return self._once(self._start_nginx, identity, options)

    def gnutls(self, identity: str = "good", *options: str | Path) -> ForeignServer:
        """`gnutls-serv`, which echoes line by line."""
        return self._once(self._start_gnutls, identity, options)

    def go(self, identity: str = "good", *options: str | Path) -> ForeignServer:
        """A server on Go's crypto/tls, which echoes."""
        return self._once(self._start_go, identity, options)

    def haproxy(self, identity: str = "good", *options: str | Path) -> ForeignServer:
        """HAProxy, which answers to HTTP; the options are words of its `bind`."""
        return self._once(self._start_haproxy, identity, options)

    def node(self, identity: str = "good", *options: str | Path) -> ForeignServer:
        """A server on Node's tls, which echoes; the option is the authority of clients."""
        return self._once(self._start_node, identity, options)

    def java(self, identity: str = "good", *options: str | Path) -> ForeignServer:
        """A server on Java's JSSE, which echoes; the option is the authority of clients."""
        return self._once(self._start_java, identity, options)

    def close(self) -> None:
        """End all of them."""
        self._held.close()

    def _once(
        self, start: Callable[[Pair, tuple[str, ...]], ForeignServer], identity: str, options: Sequence[str | Path]
    ) -> ForeignServer:
        key = (start.__name__, identity, tuple(map(str, options)))
        if key not in self._running:
            self._running[key] = start(getattr(self._credentials, identity), key[2])
        return self._running[key]

    def _start_openssl(self, pair: Pair, options: tuple[str, ...]) -> ForeignServer:
        files: tuple[str | Path, ...] = ("-cert", pair.cert, "-key", pair.key, "-cert_chain", self._credentials.intermediate)
        # Early data does not go together with serving documents. Without that, the server ends when its input does.
        shows = "-early_data" in options
        command = (require("openssl"), "s_server", "-accept", "127.0.0.1:0", *(() if shows else ("-WWW",)), *files, *options)
        _, said = self._start(*command, cwd=self.documents, stdin=subprocess.PIPE if shows else subprocess.DEVNULL)
        return ForeignServer(port_in(said, r"ACCEPT 127\.0\.0\.1:(\d+)"), said=said)

    def _start_nginx(self, pair: Pair, options: tuple[str, ...]) -> ForeignServer:
        folder = self._own_folder("nginx")
        port = _free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _NGINX.format(
                folder=folder, port=port, cert=pair.cert, key=pair.key, documents=self.documents, options="\n".join(options)
            )
        )
        self._start(require("nginx"), "-p", folder, "-c", configuration, "-e", folder / "error.log")
        _eventually(lambda: _listens(port) or None, f"nobody listens on port {port}")
        return ForeignServer(port)

    def _start_gnutls(self, pair: Pair, options: tuple[str, ...]) -> ForeignServer:
        """It listens on every address, so it gets a network of its own, in which there is nothing but loopback."""
        alone = (require("unshare"), "--map-root-user", "--net")
        if subprocess.run([*alone, "true"], capture_output=True, timeout=runner.LIMIT, check=False).returncode:
            pytest.skip("gnutls-serv listens on every address, and a network namespace of its own is not permitted here")
        files: tuple[str | Path, ...] = ("--x509certfile", pair.cert, "--x509keyfile", pair.key)
        command = (require("gnutls-serv"), "--port", str(_GNUTLS_PORT), "--echo", *files, *options)
        process, said = self._start(*alone, "sh", "-c", f'{require("ip")} link set lo up && exec "$@"', "sh", *command)
        port = port_in(said, r"IPv4 0\.0\.0\.0 port (\d+)\.\.\.done")
        inside = (str(require("nsenter")), "--target", str(process.pid), "--user", "--net", "--preserve-credentials")
        return ForeignServer(port, inside)

    def _start_go(self, pair: Pair, options: tuple[str, ...]) -> ForeignServer:
        _, said = self._start(self._go_peer(), "serve", "-cert", pair.cert, "-key", pair.key, *options)
        return ForeignServer(port_in(said, r"ready (\d+)"), said=said)

    def _start_haproxy(self, pair: Pair, options: tuple[str, ...]) -> ForeignServer:
        folder = self._own_folder("haproxy")
        port = _free_port()
        both = folder / "both.pem"
        both.write_bytes(pair.cert.read_bytes() + pair.key.read_bytes())
        configuration = folder / "haproxy.cfg"
        configuration.write_text(_HAPROXY.format(port=port, both=both, options=" ".join(options)))
        self._start(require("haproxy"), "-db", "-f", configuration)
        _eventually(lambda: _listens(port) or None, f"nobody listens on port {port}")
        return ForeignServer(port)

    def _start_node(self, pair: Pair, options: tuple[str, ...]) -> ForeignServer:
        _, said = self._start(require("node"), _NODE_SOURCE, pair.cert, pair.key, *options)
        return ForeignServer(port_in(said, r"ready (\d+)"), said=said)

    def _start_java(self, pair: Pair, options: tuple[str, ...]) -> ForeignServer:
        identity = self._own_folder("java") / "identity.p12"
        identity.write_bytes(pkcs12_of(pair))
        # It is at its work for a few handshakes: to compile them well would take longer than they do.
        _, said = self._start(require("java"), "-XX:TieredStopAtLevel=1", _JAVA_SOURCE, identity, PASSWORD, *options)
        return ForeignServer(port_in(said, r"ready (\d+)"), said=said)

    def _own_folder(self, maker: str) -> Path:
        folder = self._folder / f"{maker}-{len(self._running)}"
        folder.mkdir()
        return folder

    def _start(
        self, *command: str | Path, cwd: Path | None = None, stdin: int = subprocess.DEVNULL
    ) -> tuple[subprocess.Popen[bytes], Path]:
        """The process, and the file that it writes all its words to: nobody has to read those for it to go on."""
        said = self._folder / f"{len(list(self._folder.iterdir()))}.log"
        with said.open("wb") as file:
            process = self._held.enter_context(
                runner.started(command, stdin=stdin, stdout=file, stderr=subprocess.STDOUT, cwd=cwd)
            )
        return process, said


@pytest.fixture(scope="session")
def servers(
    credentials: Credentials, tmp_path_factory: pytest.TempPathFactory, go_peer: Callable[[], Path]
) -> Iterator[ForeignServers]:
    """The servers, which start when a test asks for them."""
    found = ForeignServers(credentials, tmp_path_factory.mktemp("servers"), go_peer)
    yield found
    found.close()


@pytest.fixture(scope="session")
def go_peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """What builds `tests/go/peer.go` at its first call, and says where the program is."""
    program = tmp_path_factory.mktemp("go") / "peer"
    cache = request.config.cache
    # Kept from run to run where pytest may: a compiled standard library saves half a minute.
    build_cache = cache.mkdir("go-build") if cache else program.parent / "cache"

    def build() -> Path:
        if not program.exists():
            surroundings = {"GOCACHE": str(build_cache), "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
            command = (require("go"), "build", "-o", program, _GO_SOURCE)
            done = runner.run(command, limit=300, environment=surroundings | {"CGO_ENABLED": "0"})
            assert done.status == 0, done.errors
        return program

    return build


def port_in(said: Path, pattern: str) -> int:
    """The port in the line with which a server says that it listens."""

    def line() -> re.Match[str] | None:
        return re.search(pattern, said.read_text(errors="replace"))

    return int(_eventually(line, f"a server did not say that it listens, see {said}")[1])


def pkcs12_of(pair: Pair, name: str = "server") -> bytes:
    """The pair as one file, under the name that NSS and Java find it by."""
    key = load_pem_private_key(pair.key.read_bytes(), None)
    assert isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey))
    leaf, *above = x509.load_pem_x509_certificates(pair.cert.read_bytes())
    return pkcs12.serialize_key_and_certificates(name.encode(), key, leaf, above, BestAvailableEncryption(PASSWORD.encode()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=runner.LIMIT).close()
    except ConnectionRefusedError:
        return False
    return True


def _eventually(look: Callable[[], T | None], otherwise: str) -> T:
    """What `look` finds once it finds something, within the limit."""
    deadline = time.monotonic() + runner.LIMIT
    pause = threading.Event()  # never set: between two looks the processor is left to whom we wait for
    while (found := look()) is None:
        assert time.monotonic() < deadline, otherwise
        pause.wait(0.01)
    return found
