"""Clients of many makers against `tlstool serve`: plain, with a certificate of theirs, coming back, and after another name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from foreign import PASSWORD, pkcs12_of
from peers import require
from runner import LIMIT, Done, Server, run, serving

from tlstool.output.schema import schema

if TYPE_CHECKING:
    from credentials import Credentials, Pair

REQUEST = b"GET /json HTTP/1.0\r\n\r\n"

Command = list[str | Path]

in_both_versions = pytest.mark.parametrize("version", ["1.2", "1.3"])


@dataclass(frozen=True)
class Visit:
    """What a client is to do: ask for the facts over one connection, or over two of which the second resumes the first.

    Attributes:
        server: where.
        version: the only one to speak.
        folder: an empty one, for what the client needs.
        go: gives the client on Go's crypto/tls.
        name: to send, and to find in the certificate.
        identity: what to show when asked; None for nothing.
        comes_back: whether there is a second connection.
    """

    server: Server
    version: str
    folder: Path
    go: Callable[[], Path]
    name: str = "localhost"
    identity: Pair | None = None
    comes_back: bool = False

    @property
    def times(self) -> int:
        return 1 + self.comes_back


def openssl(visit: Visit) -> Done:
    session = visit.folder / "session.pem"
    command: Command = [require("openssl"), "s_client", "-connect", f"127.0.0.1:{visit.server.port}", "-quiet", "-ign_eof"]
    command += [f"-tls{visit.version.replace('.', '_')}", "-servername", visit.name, "-verify_hostname", visit.name]
    command += ["-CAfile", visit.server.ca_file, "-verify_return_error"]
    if visit.identity:
        command += ["-cert", visit.identity.cert, "-key", visit.identity.key]
    done = run([*command, "-sess_out", session], stdin=REQUEST)
    return run([*command, "-sess_in", session], stdin=REQUEST) if visit.comes_back else done


def gnutls(visit: Visit) -> Done:
    command: Command = [require("gnutls-cli"), "127.0.0.1", "--port", str(visit.server.port), "--logfile=/dev/null"]
    command += [f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{visit.version}", f"--x509cafile={visit.server.ca_file}"]
    command += [f"--verify-hostname={visit.name}", f"--sni-hostname={visit.name}"]
    if visit.identity:
        command += [f"--x509certfile={visit.identity.cert}", f"--x509keyfile={visit.identity.key}"]
    if visit.comes_back:
        command += ["--resume", "--waitresumption"]
    return run(command, stdin=REQUEST)


def curl(visit: Visit) -> Done:
    host = f"{visit.name}:{visit.server.port}"
    command: Command = [require("curl"), "-sS", "--max-time", str(LIMIT), "--cacert", visit.server.ca_file]
    command += [f"--tlsv{visit.version}", "--tls-max", visit.version, "--header", "Connection: close"]
    command += ["--connect-to", f"{host}:127.0.0.1:{visit.server.port}"]
    if visit.identity:
        command += ["--cert", visit.identity.cert, "--key", visit.identity.key]
    return run([*command, *[f"https://{host}/json"] * visit.times])


def go(visit: Visit) -> Done:
    command: Command = [visit.go(), "dial", "-address", f"127.0.0.1:{visit.server.port}", "-ca", visit.server.ca_file]
    command += ["-version", visit.version, "-name", visit.name, "-times", str(visit.times)]
    if visit.identity:
        command += ["-cert", visit.identity.cert, "-key", visit.identity.key]
    return run(command, stdin=REQUEST)


def node(visit: Visit) -> Done:
    given = {
        "port": visit.server.port,
        "ca": visit.server.ca_file,
        "version": f"TLSv{visit.version}",
        "name": visit.name,
        "times": visit.times,
        "cert": visit.identity and str(visit.identity.cert),
        "key": visit.identity and str(visit.identity.key),
    }
    return run([require("node"), Path(__file__).parent / "node" / "dial.js", json.dumps(given)], stdin=REQUEST)


def java(visit: Visit) -> Done:
    command: Command = [require("java"), "-XX:TieredStopAtLevel=1", Path(__file__).parent / "java" / "Dial.java"]
    command += [str(visit.server.port), visit.server.ca_file, f"TLSv{visit.version}", visit.name, str(visit.times)]
    if visit.identity:
        command += [_pkcs12(visit), PASSWORD]
    return run(command, stdin=REQUEST)


def nss(visit: Visit) -> Done:
    """tstclnt, with a data base of its own: it knows no files."""
    database = f"sql:{visit.folder}"
    tools: Command = ["-d", database]
    _succeeds([require("certutil"), "-N", *tools, "--empty-password"])
    _succeeds([require("certutil"), "-A", *tools, "-n", "ca", "-t", "C,,", "-i", visit.server.ca_file])
    versions = f"tls{visit.version}:tls{visit.version}"
    request = visit.folder / "request"
    request.write_bytes(REQUEST)
    command: Command = [require("tstclnt"), *tools, "-A", request, "-h", "127.0.0.1", "-p", str(visit.server.port)]
    command += ["-a", visit.name, "-V", versions]
    if visit.identity:
        _succeeds([require("pk12util"), *tools, "-i", _pkcs12(visit), "-W", PASSWORD, "-K", ""])
        command += ["-n", "client", "-w", ""]
    if visit.comes_back:
        command += ["-L", "2"]
    return run(command)


def _pkcs12(visit: Visit) -> Path:
    assert visit.identity
    path = visit.folder / "identity.p12"
    path.write_bytes(pkcs12_of(visit.identity, "client"))
    return path


def _succeeds(command: Command) -> None:
    done = run(command)
    assert done.status == 0, done


with_every_client = pytest.mark.parametrize(
    "client", [openssl, gnutls, curl, go, node, java, nss], ids=lambda client: client.__name__
)

Client = Callable[[Visit], Done]


class Scene:
    """A server that asks for certificates, and the client that comes to it."""

    def __init__(self, held: ExitStack, folder: Path, go: Callable[[], Path], files: Credentials) -> None:
        self.files = files
        self._held, self._folder, self._go = held, folder, go

    def server(self, demand: str) -> Server:
        return self._held.enter_context(serving("--client-ca", self.files.client_ca, demand))

    def visit(self, server: Server, version: str, **more: Any) -> Visit:
        return Visit(server, version, self._folder, self._go, **more)


@pytest.fixture
def scene(credentials: Credentials, go_peer: Callable[[], Path], tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as held:
        yield Scene(held, tmp_path, go_peer, credentials)


def told(server: Server) -> dict[str, Any]:
    """The next connection's event."""
    event = server.next_event()
    jsonschema.validate(event, schema("serve"), cls=jsonschema.Draft202012Validator)
    assert event["event"] == "connection", event
    return event


@with_every_client
@in_both_versions
def test_without_a_certificate(scene: Scene, client: Client, version: str) -> None:
    server = scene.server("--request-client-cert")
    done = client(scene.visit(server, version))
    event = told(server)
    assert (done.status, event["error"]) == (0, None), (done, event)
    assert f'"tls":"{version}"' in done.text
    assert (event["tls"], event["kind"].partition("_")[0], event["requests"]) == (version, "full", 1)
    shown = event["client_certificate"]
    assert (shown["verdict"], shown["subject"], shown["findings"]) == ("not_checked", None, [])


@with_every_client
@in_both_versions
def test_with_a_certificate(scene: Scene, client: Client, version: str) -> None:
    server = scene.server("--require-client-cert")
    done = client(scene.visit(server, version, identity=scene.files.client))
    event = told(server)
    assert (done.status, event["error"]) == (0, None), (done, event)
    shown = event["client_certificate"]
    assert (shown["verdict"], shown["subject"], shown["names"]) == ("good", "CN=leaf", ["client.test"])
    assert '"verdict":"good"' in done.text


@with_every_client
@in_both_versions
def test_coming_back_with_the_session_of_before(scene: Scene, client: Client, version: str) -> None:
    server = scene.server("--require-client-cert")
    done = client(scene.visit(server, version, identity=scene.files.client, comes_back=True))
    events = [told(server) for _ in range(2)]
    assert (done.status, [event["error"] for event in events]) == (0, [None, None]), (done, events)
    # The second time nothing is asked: the session remembers.
    assert [event["client_certificate"]["verdict"] for event in events] == ["good", "good"]
    assert sorted(event["kind"].partition("_")[0] for event in events) == ["full", "resumed"]


@with_every_client
@in_both_versions
def test_after_another_name(scene: Scene, client: Client, version: str) -> None:
    server = scene.server("--request-client-cert")
    done = client(scene.visit(server, version, name="elsewhere.test"))
    event = told(server)
    assert done.status != 0, done
    assert (event["sni"], event["requests"]) == ("elsewhere.test", 0)


@with_every_client
@in_both_versions
def test_without_the_certificate_that_is_required(scene: Scene, client: Client, version: str) -> None:
    server = scene.server("--require-client-cert")
    done = client(scene.visit(server, version))
    event = told(server)
    assert (event["error"], event["sent"]) == ("client-certificate-required", 0), (done, event)
    assert done.text == ""
