"""What `tlstool serve` tells: that it is ready, what its clients did, how many there were, and how it ends."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import ssl
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import PATIENCE
from runner import COMMAND, LIMIT, Server, end, on_both_backends, serving, started, tlstool, visit

from tlstool.output.schema import schema


def line(stream: Any) -> Any:
    """The next line of a process, waited for."""
    return stream.readline() if select.select([stream], [], [], LIMIT)[0] else pytest.fail("nothing is said")


# ---- connections ---------------------------------------------------------------------------------


@on_both_backends
def test_a_connection_is_told_with_its_requests_and_its_end(backend: str) -> None:
    with serving("--count", "1", "--backend", backend) as server:
        visit(server.port, "/json")
        event = server.next_event()
        totals = server.next_event()
    jsonschema.validate(event, schema("serve"))
    jsonschema.validate(totals, schema("serve"))
    assert (event["requests"], event["ending"], event["error"]) == (1, "server", None)
    assert 0 < event["handshake_ms"] <= event["duration_ms"]
    assert event["accepted"].endswith("Z")
    assert (event["hello"] is None) == (backend == "openssl")
    assert (totals["connections"], totals["active"], totals["versions"], totals["requests"]) == (1, 0, {"1.3": 1}, 1)


def _resets(sock: socket.socket) -> None:
    # A reset in place of the end of the stream.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@on_both_backends
@pytest.mark.parametrize(
    ("said", "resets", "expected"),
    [
        (b"", False, ("fin", "connection-closed")),
        (b"\x16\x03", True, ("reset", "connection-reset")),
        (b"is anybody there?\r\n", False, ("error", "not-tls")),
    ],
)
def test_who_never_comes_to_a_session_is_told_with_the_reason(
    said: bytes, resets: bool, expected: tuple[str, str], backend: str
) -> None:
    with serving("--count", "1", "--echo", "--backend", backend) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
            sock.sendall(said)
            if resets:
                _resets(sock)
            elif said:
                while sock.recv(4096):
                    pass
        event = server.next_event()
        totals = server.next_event()
    assert (event["ending"], event["error"]) == expected
    assert event["handshake_ms"] is event["hello"] is None
    assert totals["failures"] == {expected[1]: 1}


@on_both_backends
def test_the_end_of_a_client_is_told_by_how_it_went(backend: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with serving("--count", "2", "--echo", "--backend", backend) as server:
        for in_order in (True, False):
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
                tls = context.wrap_socket(sock)
                tls.sendall(b"x")
                assert tls.recv(1) == b"x"
                if in_order:
                    tls.unwrap()
                with closing(tls):
                    pass
            assert server.next_event()["ending"] == ("close_notify" if in_order else "fin")


def test_a_port_scan_leaves_no_line_on_a_quiet_server(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    with started([*COMMAND, "serve", "-q", "--count", "1", "--port-file", port_file]) as process:
        socket.create_connection(("127.0.0.1", _port(port_file, process)), timeout=PATIENCE).close()
        done = end(process)
    assert (done.status, done.text, done.errors) == (0, "", "")


def test_what_a_client_says_stays_on_one_line(tmp_path: Path) -> None:
    with started([*COMMAND, "serve", "--count", "1"]) as process:
        port = int(line(process.stdout).split(b"localhost:")[1].split(b"/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
            sock.sendall(b"\x1b[31m\r\nevil\r\n")
            while sock.recv(4096):
                pass
        done = end(process)
    assert len(done.text.splitlines()) == 1
    assert "\x1b" not in done.text
    assert "not-tls" in done.text


# ---- ready ---------------------------------------------------------------------------------------


def _port(port_file: Path, process: subprocess.Popen[bytes]) -> int:
    """What the file says once it is there; the ready descriptor would do without asking again."""
    for _ in range(int(LIMIT * 100)):
        if port_file.exists():
            return int(port_file.read_text())
        assert process.poll() is None, end(process)
        select.select([], [], [], 0.01)
    raise AssertionError("there is no port file")


def test_the_port_file_is_there_before_the_ready_line_and_gone_at_the_end(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    with serving("--port-file", port_file) as server:
        assert port_file.read_text() == f"{server.port}\n"
        assert server.stop().status == 0
    assert list(tmp_path.iterdir()) == []


def test_a_port_file_that_another_server_has_taken_over_stays(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    with serving("--port-file", port_file) as server:
        port_file.write_text("1\n")
        server.stop()
    assert port_file.read_text() == "1\n"


def test_a_port_file_that_cannot_be_written_ends_the_server(tmp_path: Path) -> None:
    done = tlstool("serve", "--json", "--port-file", tmp_path / "nowhere" / "port")
    assert (done.status, done.events[-1]["error"]["code"]) == (3, "file-not-written")


def test_the_port_file_of_all_faults_lists_them(tmp_path: Path) -> None:
    port_file = tmp_path / "ports"
    with serving("--fault", "all", "--port-file", port_file) as server:
        listed = json.loads(port_file.read_text())
    assert listed["port"] == server.port
    assert {"expired", "silent"} <= {fault["fault"] for fault in listed["faults"]}
    assert len({fault["port"] for fault in listed["faults"]}) == len(listed["faults"])


def test_the_ready_descriptor_gets_the_port_and_its_end() -> None:
    reader, writer = os.pipe()
    command = [*map(str, COMMAND), "serve", "--json", "--ready-fd", str(writer)]
    process = subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, pass_fds=[writer])
    os.close(writer)
    try:
        with open(reader, "rb") as ready:
            # To its end: the server has closed it, though it goes on.
            port = int(ready.read())
        server = Server(process)
        assert server.port == port
        assert server.stop().status == 0
    finally:
        process.kill()
        process.wait(LIMIT)
        assert process.stdout is not None
        process.stdout.close()


def test_a_ready_descriptor_that_is_not_there_is_refused() -> None:
    done = tlstool("serve", "--json", "--ready-fd", "77")
    assert (done.status, done.events[-1]["error"]["code"]) == (2, "usage")
    assert "77" in done.events[-1]["error"]["message"]


# ---- the end -------------------------------------------------------------------------------------


@on_both_backends
def test_a_server_ends_by_itself_after_its_duration(backend: str) -> None:
    done = tlstool("serve", "--json", "--duration", "200ms", "--backend", backend)
    assert done.status == 0
    assert [event["event"] for event in done.events] == ["ready", "totals"]
    assert done.events[-1]["elapsed_ms"] >= 200


def test_a_reader_who_reads_no_more_neither_stalls_the_server_nor_keeps_it() -> None:
    """A pipe takes some 64 KiB: far less than the lines of these connections."""
    with serving("--grace", "0s", "--threads", "1") as server:
        for _ in range(60):
            assert visit(server.port, "/json").endswith(b"}\n")
        server.process.send_signal(signal.SIGTERM)
        # Its output stays full. The end has to come all the same.
        assert server.process.wait(LIMIT) == 0


# ---- figures -------------------------------------------------------------------------------------


def test_metrics_are_what_prometheus_reads() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    with serving("--metrics", "--threads", "2") as server:
        visit(server.port, "/")
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE).close()
        assert {server.next_event()["error"] for _ in range(2)} == {None, "connection-closed"}
        text = visit(server.port, "/metrics").decode().partition("\r\n\r\n")[2]
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    assert all(name.startswith("tlstool_") and family.documentation for name, family in families.items())
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value for family in families.values() for sample in family.samples
    }
    assert samples[("tlstool_connections_total",)] == 3
    assert samples[("tlstool_connections_active",)] == 1
    assert samples["tlstool_handshakes_total", ("kind", "full"), ("tls", "1.3")] == 2
    assert samples["tlstool_failed_connections_total", ("code", "connection-closed")] == 1
    assert samples["tlstool_handshake_seconds_bucket", ("le", "+Inf")] == samples[("tlstool_handshake_seconds_count",)] == 2
    assert families["tlstool_handshake_seconds"].type == "histogram"


def test_there_are_no_metrics_where_there_are_no_pages() -> None:
    done = tlstool("serve", "--echo", "--metrics", "--json")
    assert (done.status, done.events[-1]["error"]["code"]) == (2, "usage")


def test_there_are_no_metrics_on_the_interpreters_ssl() -> None:
    done = tlstool("serve", "--metrics", "--json", "--backend", "openssl")
    assert (done.status, done.events[-1]["error"]["code"]) == (2, "unsupported")


def test_a_verbose_server_ends_with_a_table() -> None:
    with started([*COMMAND, "serve", "-v", "--count", "1"]) as process:
        port = int(line(process.stdout).split(b"localhost:")[1].split(b"/")[0])
        visit(port, "/")
        done = end(process)
    assert "handshakes    1: TLS 1.3 1" in done.errors.splitlines()


def test_live_figures_are_shown_on_a_terminal() -> None:
    import pty

    ours, theirs = pty.openpty()
    with (
        open(ours, "rb", buffering=0) as terminal,
        started([*COMMAND, "serve", "-v", "--duration", "30s"], stderr=theirs, environment={"CI": ""}) as process,
    ):
        os.close(theirs)
        assert line(process.stdout).startswith(b"ready")
        shown = b""
        while b"0 open, 0 handshakes" not in shown:
            assert select.select([terminal], [], [], LIMIT)[0], shown
            shown += terminal.read(4096)
        process.send_signal(signal.SIGTERM)
