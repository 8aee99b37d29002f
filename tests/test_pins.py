"""Pins and TLSA records, read from what users write."""

from __future__ import annotations

import base64

import pytest

from tlstool import pins
from tlstool.errors import UsageError
from tlstool.model import Tlsa

DIGEST = bytes(range(32))


@pytest.mark.parametrize(
    "text",
    [
        f"sha256/{base64.b64encode(DIGEST).decode()}",
        f"sha256//{base64.b64encode(DIGEST).decode()}",
        base64.b64encode(DIGEST).decode(),
        DIGEST.hex(),
        f"sha256/{DIGEST.hex()}",
        DIGEST.hex(":").upper(),
        f" {DIGEST.hex()} ",
    ],
)
def test_a_pin_is_read_in_the_forms_that_people_have(text: str) -> None:
    assert pins.pin(text) == DIGEST.hex()


@pytest.mark.parametrize("text", ["", "sha256/", "sha256/AAAA", "sha1/" + "0" * 40, DIGEST.hex()[:-1], "g" * 64, "é" * 44])
def test_what_is_no_pin_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="is no pin"):
        pins.pin(text)


def test_a_record_is_read_as_the_dns_writes_it() -> None:
    assert pins.tlsa(f"3 1 1 {DIGEST.hex()}") == Tlsa(3, 1, 1, DIGEST)
    assert pins.tlsa(f"2 0 1  {DIGEST.hex()[:32]} {DIGEST.hex()[32:].upper()}") == Tlsa(2, 0, 1, DIGEST)
    assert pins.tlsa(f"0 0 2 {DIGEST.hex() * 2}") == Tlsa(0, 0, 2, DIGEST * 2)
    assert pins.tlsa("1 1 0 3000") == Tlsa(1, 1, 0, b"\x30\x00")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "three numbers"),
        ("3 1 1", "three numbers"),
        ("3 1 x 00", "three numbers"),
        ("3 1 1 xyz", "three numbers"),
        (f"4 1 1 {DIGEST.hex()}", "usage is 0 to 3"),
        (f"3 2 1 {DIGEST.hex()}", "selector 0 or 1"),
        (f"3 1 3 {DIGEST.hex()}", "matching type 0 to 2"),
        ("3 1 1 00", "takes 32 bytes, and it has 1"),
    ],
)
def test_what_is_no_record_is_told(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        pins.tlsa(text)
