"""SSLKEYLOGFILE stands for --keylog where that is not given, and says so: secrets go there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zoo
from runner import COMMAND, Server, end, refused, started, tlstool

if TYPE_CHECKING:
    from credentials import Credentials


def test_sslkeylogfile_is_the_default_of_keylog_and_announced(credentials: Credentials, tmp_path: Path) -> None:
    named, given = tmp_path / "named", tmp_path / "given"
    variable = {"SSLKEYLOGFILE": str(named)}
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        command = ("connect", peer.target, "--ca", credentials.ca, "-v")
        done = tlstool(*command, "--keylog", given, environment=variable)
        assert (done.status, given.exists(), named.exists(), "SSLKEYLOGFILE" in done.errors) == (0, True, False, False)
        done = tlstool(*command, environment=variable)
    assert (done.status, "CLIENT_HANDSHAKE_TRAFFIC_SECRET" in named.read_text()) == (0, True)
    assert f"secrets go to {named}, which SSLKEYLOGFILE names" in done.errors


@pytest.mark.parametrize("backend", ["rustls", "openssl"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_secrets_that_cannot_be_written_are_3(credentials: Credentials, version: str, backend: str) -> None:
    with zoo.listening(zoo.tls(zoo.context(credentials.good))) as peer:
        options = ("--ca", credentials.ca, "--tls", version, "--backend", backend, "--keylog", "/dev/full")
        document = refused("connect", peer.target, *options, status=3, code="file-not-written")
    assert document["error"]["message"] == "/dev/full cannot be written: no space left on device"


def test_a_server_writes_its_secrets_where_sslkeylogfile_says(tmp_path: Path) -> None:
    named = tmp_path / "named"
    command = [*COMMAND, "serve", "--json", "--count", "1", "-v"]
    with started(command, environment={"SSLKEYLOGFILE": str(named)}) as process:
        server = Server(process)
        assert tlstool("connect", server.target, "--ca", server.ca_file).status == 0
        done = end(process)
    assert (done.status, f"secrets go to {named}" in done.errors, named.stat().st_size > 0) == (0, True, True)
