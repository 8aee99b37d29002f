"""`--pcap`: captures that tshark opens decrypted, with a TCP that it finds nothing wrong with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from peers import require
from runner import refused, run, serving, tlstool

if TYPE_CHECKING:
    from credentials import Credentials
    from foreign import ForeignServers

Read = Callable[..., str]

CLIENT_HELLO, CERTIFICATE, FINISHED = "1", "11", "20"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What tshark says of a capture, by its options; it knows nothing but the file."""

    def tshark(capture: Path, *options: str) -> str:
        checks = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
        done = run([require("tshark"), "-n", "-r", capture, *checks, *options], environment={"HOME": str(tmp_path)})
        assert done.status == 0, done.errors
        return done.text

    return tshark


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return tmp_path / "capture.pcapng"


def handshake_types(read: Read, capture: Path) -> list[str]:
    """The numbers of all handshake messages, in their order."""
    lines = read(capture, "-Y", "tls.handshake", "-T", "fields", "-e", "tls.handshake.type")
    return [number for line in lines.splitlines() for number in line.split(",")]


def assert_sound(read: Read, capture: Path) -> None:
    """Neither a false checksum nor a segment that does not fit, nor anything malformed."""
    wrong = "tcp.analysis.flags || tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed"
    assert read(capture, "-Y", wrong) == ""


@pytest.mark.parametrize("peer", ["openssl 1.2", "openssl 1.3", "go 1.2", "go 1.3"])
def test_a_handshake_is_read_to_its_last_message(
    servers: ForeignServers, credentials: Credentials, read: Read, capture: Path, peer: str
) -> None:
    maker, version = peer.split()
    server = getattr(servers, maker)("good")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--tls", version, "--pcap", capture)
    assert done.status == 0, done
    types = handshake_types(read, capture)
    assert types.count(CLIENT_HELLO) == 1
    # They are encrypted, in TLS 1.2 the latter alone.
    assert types.count(CERTIFICATE) == 1
    assert types.count(FINISHED) == 2
    alerts = read(capture, "-Y", "tls.alert_message.desc == 0", "-T", "fields", "-e", "tcp.dstport").split()
    assert str(server.port) in alerts
    assert_sound(read, capture)


def test_both_hellos_of_a_retried_handshake_are_there(
    servers: ForeignServers, credentials: Credentials, read: Read, capture: Path
) -> None:
    server = servers.openssl("good", "-groups", "P-384")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--pcap", capture, "--json")
    assert done.document["handshake"]["hello_retry"] is True
    types = handshake_types(read, capture)
    assert (types.count(CLIENT_HELLO), types.count(CERTIFICATE), types.count(FINISHED)) == (2, 1, 2)
    assert_sound(read, capture)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_relayed_data_is_read_both_ways(read: Read, capture: Path, version: str) -> None:
    data = os.urandom(300_000)
    with serving("--echo") as server:
        options = ("--ca", server.ca_file, "--tls", version, "--pcap", capture)
        done = tlstool("connect", server.target, "--pipe", *options, stdin=data)
    assert (done.status, done.output) == (0, data), done.errors
    conversation = read(capture, "-q", "-z", "follow,tls,raw,0").splitlines()[6:-1]
    sent = bytes.fromhex("".join(line for line in conversation if not line.startswith("\t")))
    received = bytes.fromhex("".join(line for line in conversation if line.startswith("\t")))
    assert (sent, received) == (data, data)
    assert_sound(read, capture)


def test_a_new_capture_takes_the_place_of_the_old_and_is_for_its_owner_alone(
    servers: ForeignServers, credentials: Credentials, read: Read, capture: Path
) -> None:
    capture.write_bytes(b"old" * 100_000)
    capture.chmod(0o644)
    for _ in range(2):
        assert tlstool("connect", servers.openssl().target, "--ca", credentials.ca, "--pcap", capture).status == 0
        assert capture.stat().st_mode & 0o777 == 0o600
        assert handshake_types(read, capture).count(CLIENT_HELLO) == 1


def test_the_key_log_gets_the_same_secrets(
    servers: ForeignServers, credentials: Credentials, capture: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    options = ("--ca", credentials.ca, "--pcap", capture, "--keylog", keys)
    assert tlstool("connect", servers.openssl().target, *options).status == 0
    lines = keys.read_bytes().splitlines()
    assert len(lines) >= 5
    captured = capture.read_bytes()
    assert all(line in captured for line in lines)


def test_a_failed_handshake_is_captured_as_far_as_it_came(
    servers: ForeignServers, credentials: Credentials, read: Read, capture: Path
) -> None:
    server = servers.openssl("good", "-no_tls1_3")
    done = tlstool("connect", server.target, "--ca", credentials.ca, "--tls", "1.3", "--pcap", capture)
    assert done.status == 8, done
    alerts = read(capture, "-Y", "tls.alert_message", "-T", "fields", "-e", "tls.alert_message.desc")
    assert alerts.split() == ["70"]
    assert_sound(read, capture)


def test_a_run_that_makes_no_sense_leaves_the_last_capture_alone(tmp_path: Path) -> None:
    (tmp_path / "capture").write_bytes(b"evidence")
    options = ("--ech", "grease", "--all-addresses", "--pcap", tmp_path / "capture")
    refused("connect", "127.0.0.1:1", *options, status=2, code="usage")
    assert (tmp_path / "capture").read_bytes() == b"evidence"


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        (("--backend", "openssl"), 2, "unsupported"),
        (("--tls", "1.0"), 2, "unsupported"),
        (("--ca", "/missing"), 3, "file-missing"),
    ],
)
def test_what_no_backend_does_leaves_the_last_capture_alone(
    tmp_path: Path, options: tuple[str, ...], status: int, code: str
) -> None:
    (tmp_path / "capture").write_bytes(b"evidence")
    refused("connect", "127.0.0.1:1", *options, "--pcap", tmp_path / "capture", status=status, code=code)
    assert (tmp_path / "capture").read_bytes() == b"evidence"


def test_what_cannot_be_written_is_refused_before_a_connection(credentials: Credentials, tmp_path: Path) -> None:
    unread = tmp_path / "pipe"
    os.mkfifo(unread)
    for path in (tmp_path / "missing" / "capture", tmp_path, unread):
        refused("connect", "127.0.0.1:1", "--pcap", path, status=3, code="file-not-written")
    refused("connect", "127.0.0.1:1", "--pcap", "-", status=2, code="usage")
    refused("connect", "127.0.0.1:1", "--ca", credentials.ca, "--pcap", credentials.ca, status=2, code="usage")
    refused("connect", "127.0.0.1:1", "--backend", "openssl", "--pcap", tmp_path / "capture", status=2, code="unsupported")
