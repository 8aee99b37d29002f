"""Certificates by name out of a folder, and what becomes of them while the server runs."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pki
import pytest
from conftest import Pki
from runner import LIMIT, Server, serving, visit
from test_serve_certificates import dialled, echoed, leaf, refusal, seen, write

from tlstool import identities
from tlstool.errors import LocalError
from tlstool.model import Identity
from tlstool.serving.changes import Changes
from tlstool.serving.folder import Folder

pytest.importorskip("tlstool._native", reason="the Rustls extension is not built", exc_type=ImportError)

Fill = Callable[..., pki.Issued]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "names").mkdir()
    return tmp_path / "names"


@pytest.fixture
def fill(folder: Path, certificates: Pki) -> Fill:
    """Put a certificate for a name into the folder, chain and key in one file."""

    def put(name: str, file: str | None = None) -> pki.Issued:
        made = pki.leaf(certificates.root, (name,))
        write(folder / (file or f"{name}.pem"), made.chain_pem + made.key_pem())
        return made

    return put


@pytest.fixture
def root(tmp_path: Path, certificates: Pki) -> Path:
    return write(tmp_path / "ca.pem", certificates.root.pem)


# ---- a server with a folder ----------------------------------------------------------------------


def test_the_name_that_a_client_asks_for_decides(folder: Path, fill: Fill, root: Path) -> None:
    for name in ("a.test", "*.b.test", "own.b.test", "*.c.test"):
        fill(name, "*.c.test" if name == "*.c.test" else None)
    with serving("--sni-dir", folder) as server:
        for name, shown in (
            ("a.test", "a.test"),
            ("x.b.test", "*.b.test"),
            ("own.b.test", "own.b.test"),
            ("x.c.test", "*.c.test"),
        ):
            assert leaf(seen(server, root, name=name))["names"] == [shown]


def test_the_first_file_is_for_all_others_or_else_what_is_given(folder: Path, fill: Fill, root: Path, tmp_path: Path) -> None:
    fill("b.test")
    fill("a.test")
    given = pki.leaf(None, ("given.test",))
    options = ("--cert", write(tmp_path / "given.pem", given.chain_pem + given.key_pem()))
    for more, name in (((), "a.test"), (options, "given.test")):
        with serving("--sni-dir", folder, *more) as server:
            assert leaf(seen(server, root, "-k", name="unknown.test"))["names"] == [name]


def test_files_that_come_change_and_go_count_while_kept_connections_stay(folder: Path, fill: Fill, root: Path) -> None:
    fill("localhost")
    with serving("--echo", "--sni-strict", "--sni-dir", folder) as server:
        context = ssl.create_default_context(cafile=root)
        with dialled(server, context) as kept:
            assert echoed(kept)
            fill("new.test")
            assert server.next_event()["added"] == ["new.test"]
            seen(server, root, name="new.test")
            assert server.next_event()["sni"] == "new.test"
            replaced = fill("localhost")
            assert server.next_event()["replaced"] == ["localhost"]
            with dialled(server, context) as fresh:
                assert fresh.getpeercert(binary_form=True) == replaced.der
                assert echoed(fresh)
            assert server.next_event()["error"] is None
            (folder / "localhost.pem").unlink()
            assert server.next_event()["removed"] == ["localhost"]
            with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
                dialled(server, context)
            assert echoed(kept)


def test_who_never_reads_what_the_server_says_holds_no_certificate_up(folder: Path, fill: Fill, root: Path) -> None:
    fill("localhost")
    context = ssl.create_default_context(cafile=root)
    with serving("--echo", "--sni-strict", "--sni-dir", folder) as server:
        # More lines than a pipe has room for.
        for _ in range(100):
            visit(server.port)
        # The first may be shown before it is told of.
        for name in ("new.test", "newer.test"):
            fill(name)
            deadline, pause = time.monotonic() + LIMIT, threading.Event()
            while not (shown := _is_shown(name, server, context)) and time.monotonic() < deadline:
                pause.wait(0.05)
            assert shown, name
        said = server.stop().output.splitlines()
    assert [json.loads(line)["added"] for line in said if b'"renewed"' in line] == [["new.test"], ["newer.test"]]


def _is_shown(name: str, server: Server, context: ssl.SSLContext) -> bool:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT) as sock:
        try:
            context.wrap_socket(sock, server_hostname=name).close()
        except ssl.SSLError:
            return False
    return True


def test_a_file_that_breaks_is_reported_once_and_stands_for_what_it_was(folder: Path, fill: Fill, root: Path) -> None:
    fill("a.test")
    with serving("--sni-dir", folder) as server:
        write(folder / "a.test.pem", b"nonsense")
        event = server.next_event()
        assert [problem["code"] for problem in event["problems"]] == ["bad-certificate-file"]
        seen(server, root, name="a.test")
        assert server.next_event()["event"] == "connection"


def test_a_certificate_for_another_name_than_its_file_is_served_with_a_warning(folder: Path, fill: Fill) -> None:
    fill("a.test", "b.test.pem")
    with serving("--sni-dir", folder) as server:
        event = server.next_event()
        assert (event["event"], event["code"]) == ("caution", "name-mismatch")
        assert "b.test, but for a.test" in event["message"]


def test_a_thousand_names_are_served(folder: Path, certificates: Pki, root: Path) -> None:
    many = pki.leaf(certificates.root, ("*.many.test",))
    for number in range(1000):
        (folder / f"{number}.many.test.pem").write_bytes(many.chain_pem + many.key_pem())
    with serving("--sni-dir", folder, "--sni-strict") as server:
        seen(server, root, name="999.many.test")
        context = ssl.create_default_context(cafile=root)
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT)
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            context.wrap_socket(sock, server_hostname="1000.many.test")


@pytest.mark.parametrize(
    ("file", "contents", "code"),
    [
        (None, b"", "no-certificate"),
        ("a.test.pem", b"", "no-certificate"),
        ("a.test.pem", b"nonsense", "bad-certificate-file"),
        ("no host.pem", b"nonsense", "bad-certificate-file"),
        ("192.0.2.7.pem", b"nonsense", "bad-certificate-file"),
        ("a.*.test.pem", b"nonsense", "bad-certificate-file"),
    ],
)
def test_a_folder_that_is_no_good_at_the_start_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str | None, contents: bytes, code: str
) -> None:
    if file is not None:
        good = pki.leaf(None)
        (folder / file).write_bytes(good.chain_pem + good.key_pem() if file != "a.test.pem" else contents)
    assert refusal(capsys, "--sni-dir", str(folder)) == (3, code)


def test_what_is_no_folder_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "--sni-dir", str(folder / "missing")) == (3, "file-missing")
    (folder / "file").touch()
    assert refusal(capsys, "--sni-dir", str(folder / "file")) == (3, "file-unreadable")
    (folder / "loop.pem").symlink_to("loop.pem")
    assert refusal(capsys, "--sni-dir", str(folder)) == (3, "file-unreadable")


# ---- the folder by itself ------------------------------------------------------------------------


def fine(_identity: Identity) -> None:
    """Takes everything."""


def opened(folder: Path) -> Folder:
    found = Folder(str(folder), identities.asking(None))
    found.load()
    return found


def test_a_file_that_is_being_written_is_left_alone_until_it_stays_the_same(folder: Path, fill: Fill) -> None:
    fill("a.test")
    found = opened(folder)
    assert found.look(fine) == Changes()
    made = pki.leaf(None, ("b.test",))
    with (folder / "b.test.pem").open("wb", buffering=0) as file:
        file.write(made.chain_pem)
        assert found.look(fine) == Changes()
        file.write(made.key_pem())
        assert found.look(fine) == Changes()
        assert found.look(fine) == Changes(added=("b.test",))
    assert [one.name for one in found.named] == ["a.test", "b.test"]
    assert found.look(fine) == Changes()


def test_a_key_and_a_staple_may_stand_beside_the_chain(folder: Path, certificates: Pki) -> None:
    made = pki.leaf(certificates.root, ("a.test",))
    for ending, data in ((".pem", made.chain_pem), (".key", made.key_pem()), (".ocsp", b"a response")):
        write(folder / f"a.test{ending}", data)
    found = opened(folder)
    ((name, identity),) = [(one.name, one.identity) for one in found.named]
    assert (name, identity.key, identity.staple) == ("a.test", made.key_pem(), b"a response")
    write(folder / "a.test.ocsp", b"a newer one")
    found.look(fine)
    assert found.look(fine).replaced == ("a.test",)
    assert found.named[0].identity.staple == b"a newer one"


def test_a_link_that_moves_on_to_another_file_is_a_change(folder: Path, tmp_path: Path, certificates: Pki) -> None:
    old, new = (pki.leaf(certificates.root, ("a.test",)) for _ in range(2))
    for name, made in (("old", old), ("new", new)):
        write(tmp_path / name, made.chain_pem + made.key_pem())
    (folder / "a.test.pem").symlink_to(tmp_path / "old")
    found = opened(folder)
    (folder / ".new").symlink_to(tmp_path / "new")
    os.replace(folder / ".new", folder / "a.test.pem")
    found.look(fine)
    assert found.look(fine).replaced == ("a.test",)


def test_a_folder_that_is_gone_is_told_once_and_nothing_is_lost(folder: Path, fill: Fill) -> None:
    fill("a.test")
    found = opened(folder)
    folder.rename(folder.with_name("elsewhere"))
    assert [problem.code for problem in found.look(fine).problems] == ["file-missing"]
    assert found.look(fine) == Changes()
    assert [one.name for one in found.named] == ["a.test"]


def test_what_the_backend_does_not_take_does_not_count_and_says_what_to_do(folder: Path, fill: Fill) -> None:
    fill("a.test")
    found = opened(folder)

    def picky(_identity: Identity) -> None:
        raise LocalError("key-mismatch", "no")

    fill("b.test")
    found.look(picky)
    (problem,) = found.look(picky).problems
    assert "first certificate in the file" in (problem.hint or "")
    assert [one.name for one in found.named] == ["a.test"]


def test_a_pipe_in_the_folder_keeps_nobody_waiting(folder: Path, fill: Fill) -> None:
    fill("a.test")
    found = opened(folder)
    os.mkfifo(folder / "b.test.pem")
    fill("c.test", "c.test.pem")
    os.mkfifo(folder / "c.test.ocsp")
    found.look(fine)
    problems = found.look(fine).problems
    assert [problem.code for problem in problems] == ["file-unreadable"] * 2
    assert all("no regular file" in problem.message for problem in problems)
    assert [one.name for one in found.named] == ["a.test"]
