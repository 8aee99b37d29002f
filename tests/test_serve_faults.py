"""`serve --fault`: what clients make of every fault, ours and others, and that nobody else is harmed by one."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import runner
from peers import require
from runner import Done, on_both_backends, serving, tlstool

from tlstool import faults
from tlstool.hints import HINT_AFTER_HANDSHAKE
from tlstool.output.schema import schema

ALL = [variation.name for _, variation in faults.everything()]
# It depends on who came before; it has a test of its own.
IN_ORDER = "refuse"
STEADY = [name for name in ALL if name != IN_ORDER]

# What clients on OpenSSL do not look at unless they are asked to: a name that stands in the common name alone, and staples.
LENIENT = {"no-san", "revoked-staple", "must-staple-missing"}
STAPLED = {"revoked-staple", "expired-staple", "unknown-staple", "must-staple-missing"}
# The handshake is good as far as its client sees; who wants an answer gets none.
AFTER_HANDSHAKE = {"close-after=handshake", "reset-after=handshake", "half-open", "client-cert-demanded"}
SPEECHLESS = {"silent", "half-open"}

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Zoo(NamedTuple):
    """A server with every fault: what it says of itself, and of each of them by name."""

    server: runner.Server
    events: dict[str, dict[str, Any]]

    def port(self, fault: str) -> int:
        return int(self.events[fault]["port"])


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    with serving("--fault", "all") as server:
        events = [server.next_event() for _ in ALL]
        assert {event["event"] for event in events} == {"fault"}
        yield Zoo(server, {event["fault"]: event for event in events})


def connected(zoo: Zoo, port: int, *options: str) -> Done:
    # A byte at a time takes long where the processor has other things to do.
    limits = ("--limit", f"handshake={3 if port == zoo.port('silent') else 25}s", "--limit", "answer=1s")
    return tlstool("connect", "--json", "--ca", zoo.server.ca_file, *limits, *options, f"localhost:{port}")


def test_every_fault_has_a_port_of_its_own_beside_a_sound_one(zoo: Zoo) -> None:
    assert list(zoo.events) == ALL
    ports = [zoo.server.port, *(event["port"] for event in zoo.events.values())]
    assert len(set(ports)) == len(ALL) + 1
    assert connected(zoo, zoo.server.port).status == 0
    validator = jsonschema.Draft202012Validator(schema("serve"))
    for event in (zoo.server.ready, *zoo.events.values()):
        validator.validate(event)


@pytest.mark.parametrize("name", STEADY)
def test_connect_answers_to_a_fault_as_the_list_promises(zoo: Zoo, name: str) -> None:
    for promise in zoo.events[name]["promises"]:
        done = connected(zoo, zoo.port(name), *promise["options"])
        assert_kept(promise, done)


def assert_kept(promise: dict[str, Any], done: Done) -> None:
    # With a body on stdout, the document is on stderr.
    document = json.loads(done.errors or done.text)
    said = [(document["error"] or {}).get("code"), *(warning["code"] for warning in document["warnings"])]
    assert (done.status, document["exit_status"]) == (promise["exit_status"],) * 2, document["error"]
    assert said == [None] if promise["code"] is None else promise["code"] in said


@pytest.mark.parametrize("name", [name for name in STEADY if name not in STAPLED])
def test_the_second_backend_answers_alike_but_for_the_staples_that_it_does_not_see(zoo: Zoo, name: str) -> None:
    for promise in zoo.events[name]["promises"]:
        assert_kept(promise, connected(zoo, zoo.port(name), *promise["options"], "--backend", "openssl"))


@pytest.mark.parametrize("name", sorted(STAPLED))
def test_of_a_staple_the_list_says_what_the_second_backend_answers(zoo: Zoo, name: str) -> None:
    assert [promise["options"] for promise in zoo.events[name]["promises"]] == [[], ["--backend", "openssl"]]


@on_both_backends
@pytest.mark.parametrize("name", ["reset-after=handshake", "close-after=handshake"])
def test_whoever_leaves_behind_the_handshake_is_not_said_to_lack_tls(zoo: Zoo, name: str, backend: str) -> None:
    done = connected(zoo, zoo.port(name), "--http", "--backend", backend)
    error = json.loads(done.errors)["error"]
    assert (error["phase"], error["hint"]) == ("run", HINT_AFTER_HANDSHAKE)


@pytest.mark.parametrize("name", STEADY)
def test_curl_fails_where_we_do_but_for_what_it_does_not_look_at(zoo: Zoo, name: str) -> None:
    limit = ("--max-time", "2" if name in SPEECHLESS else "25")
    url = f"https://localhost:{zoo.port(name)}/"
    command = (require("curl"), "-sS", *limit, "--cacert", zoo.server.ca_file, url)
    done = runner.run(command)
    is_good = name in LENIENT or (zoo.events[name]["promises"][0]["exit_status"] == 0 and name not in AFTER_HANDSHAKE)
    assert (done.status == 0) == is_good, done
    assert (b"You speak TLS" in done.output) == is_good
    if name in STAPLED:
        assert runner.run((*command, "--cert-status")).status == 91  # CURLE_SSL_INVALIDCERTSTATUS


@pytest.mark.parametrize("name", STEADY)
def test_s_client_fails_where_we_do_but_for_what_it_does_not_look_at(zoo: Zoo, name: str) -> None:
    where = ("-connect", f"127.0.0.1:{zoo.port(name)}", "-servername", "localhost")
    checks = ("-verify_hostname", "localhost", "-CAfile", zoo.server.ca_file, "-verify_return_error")
    # What comes after the handshake it sees only if it stays.
    command = (require("openssl"), "s_client", *where, *checks, *(("-ign_eof",) if name in AFTER_HANDSHAKE else ()))
    if name in SPEECHLESS:
        with pytest.raises(subprocess.TimeoutExpired):
            runner.run(command, limit=2)
        return
    done = runner.run(command)
    is_good = name in LENIENT or (zoo.events[name]["promises"][0]["exit_status"] == 0 and name not in AFTER_HANDSHAKE)
    assert (done.status == 0) == is_good, done


def test_the_list_has_every_fault_with_its_promise() -> None:
    text = tlstool("serve", "--fault", "list").text.splitlines()
    lines = [json.loads(line) for line in tlstool("serve", "--fault", "list", "--json").text.splitlines()]
    assert len(text) == len(lines) == len(ALL)
    validator = jsonschema.Draft202012Validator(schema("serve"))
    for fault, line, event in zip(faults.FAULTS, text, lines, strict=True):
        validator.validate(event)
        assert event["fault"] == fault.label == line.split()[0]
        assert event["promises"][0]["exit_status"] == fault.promise.exit_status == int(line.split()[1])
        assert fault.words in line


def test_the_first_of_so_many_connections_are_refused() -> None:
    with serving("--fault", "refuse=2/3") as server:
        statuses = [tlstool("connect", "--ca", server.ca_file, server.target).status for _ in range(4)]
    assert statuses == [8, 8, 0, 8]


def test_a_reset_leaves_nothing_behind_for_the_next_client() -> None:
    with serving("--fault", "reset-after=handshake", "--threads", "1") as server:
        for _ in range(3):
            done = tlstool("connect", "--json", "--ca", server.ca_file, server.target)
            assert done.status == 0, done.document["error"]


def test_several_faults_are_shown_at_one_port() -> None:
    with serving("--fault", "expired", "--fault", "slow=300", "--fault", "tls12-only") as server:
        assert server.ready["fault"] == "expired+slow=300+tls12-only"
        done = tlstool("connect", "--json", "--ca", server.ca_file, server.target)
    assert done.status == 11
    assert done.document["handshake"]["tls"] == "1.2"
    assert done.document["phases_ms"]["handshake"] >= 600  # two flights


def test_a_fault_on_the_wire_goes_with_an_own_certificate(credentials: Any) -> None:
    with serving("--cert", credentials.good.cert, "--key", credentials.good.key, "--fault", "alert=unrecognized_name") as server:
        done = tlstool("connect", "--json", "--ca", credentials.ca, server.target)
    assert (done.status, done.document["error"]["alert"]) == (8, "unrecognized_name")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        (("--fault", "expierd"), 2, "unknown-name"),
        (("--fault", "silent", "--fault", "garbage"), 2, "usage"),
        (("--fault", "all", "--fault", "expired"), 2, "usage"),
        (("--fault", "expired", "--cert", "none.pem"), 2, "usage"),
        (("--fault", "all", "--key", "none.pem"), 2, "usage"),
        (("--fault", "silent", "--backend", "openssl"), 2, "unsupported"),
        (("--fault", "revoked-staple", "--backend", "openssl"), 2, "unsupported"),
        (("--fault", "all", "65530"), 2, "bad-target"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anyone_listens(options: tuple[str, ...], status: int, code: str) -> None:
    done = tlstool("serve", "--json", *options)
    assert done.status == status, done
    assert [(event["event"], event["error"]["code"]) for event in done.events] == [("error", code)]


def test_the_second_backend_shows_the_faults_of_certificates() -> None:
    with serving("--fault", "expired", "--backend", "openssl") as server:
        assert tlstool("connect", "--ca", server.ca_file, server.target).status == 11


def test_all_faults_take_the_ports_behind_the_one_that_was_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        base = found.getsockname()[1]
    if base + len(ALL) > 65535:
        pytest.skip("there are not enough ports behind this one")
    with runner.started([*runner.COMMAND, "serve", "--json", "--fault", "all", str(base)]) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        if first["event"] == "error":
            # Somebody else has one of them.
            assert first["error"]["code"] == "port-in-use"
            return
        ports = [json.loads(process.stdout.readline())["port"] for _ in ALL]
    assert [first["port"], *ports] == list(range(base, base + len(ALL) + 1))


def test_a_server_that_holds_connections_open_stops_at_once() -> None:
    with serving("--fault", "silent", "--grace", "20s") as server, ExitStack() as held:
        socks = [held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)) for _ in range(8)]
        for sock in socks:
            sock.sendall(b"hello")
        done = server.stop()
    assert done.status == 0
    assert done.seconds < 10


def fetched(context: ssl.SSLContext, port: int) -> bytes:
    """What the server answers to a request."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=runner.LIMIT) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as session,
    ):
        session.sendall(GET)
        return b"".join(iter(lambda: session.recv(65536), b""))


def broken(context: ssl.SSLContext, port: int) -> None:
    """A client of a fault that does not care what becomes of it."""
    try:
        fetched(context, port)
    except OSError:
        return


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_a_faulty_port_under_load_harms_no_other_and_leaves_nothing_behind(zoo: Zoo) -> None:
    before = descriptors(zoo.server.process.pid)
    sound = ssl.create_default_context(cafile=zoo.server.ca_file)
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    worst = ("reset-after=handshake", "reset-after", "close-after", "reset-after=hello", "alert", "garbage", "trickle")
    ports = [event["port"] for name, event in zoo.events.items() if name.partition("=")[0] in worst or name in worst]
    with ThreadPoolExecutor(12) as pool, ExitStack() as held:
        for name in ("silent", "ssh-banner"):
            for _ in range(100):
                held.enter_context(socket.create_connection(("127.0.0.1", zoo.port(name)), timeout=10))
        attacks = [pool.submit(broken, careless, port) for _ in range(20) for port in ports]
        answers = [pool.submit(fetched, sound, zoo.server.port) for _ in range(100)]
        assert all(answer.result(60).startswith(b"HTTP/1.1 200 OK") for answer in answers)
        for attack in attacks:
            attack.result(60)
    # Each end that the server hears of lets a descriptor go; one more connection is behind them all.
    for _ in range(200):
        if descriptors(zoo.server.process.pid) <= before:
            break
        fetched(sound, zoo.server.port)
    assert descriptors(zoo.server.process.pid) <= before
