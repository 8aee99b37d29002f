"""Where `tlstool serve` cannot listen, and what it says of that."""

from __future__ import annotations

import errno
import socket

import pytest
from runner import tlstool

from tlstool.errors import LocalError
from tlstool.serving import listening


def test_a_port_without_an_address_is_2_and_the_hint_has_all_that_may_be_meant() -> None:
    done = tlstool("serve", ":4433", "--json")
    error = done.events[0]["error"]
    assert (done.status, error["code"], "0.0.0.0:4433" in error["hint"]) == (2, "bad-target", True)


def test_a_low_port_is_3_and_the_hint_says_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbidden)
    with pytest.raises(LocalError) as caught:
        listening.listen("443", 1)
    assert (caught.value.code, "root" in (caught.value.hint or "")) == ("cannot-listen", True)
