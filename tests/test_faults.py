"""The registry of faults: what their names mean, which of them go together, and what is refused."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from tlstool import faults
from tlstool.cli import program
from tlstool.errors import UsageError
from tlstool.events import FaultShown
from tlstool.faults import alerts, behaviour
from tlstool.faults.blueprint import Blueprint
from tlstool.misconduct import Misconduct
from tlstool.sniff import recognise

DOCUMENT = (Path(__file__).parent.parent / "docs" / "faults.md").read_text()
NAMES = [fault.name for fault in faults.FAULTS]


def test_every_fault_has_a_name_of_its_own_and_changes_something() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for fault, variation in faults.everything():
        usual = faults.Variation(name=variation.name)
        assert variation != usual, fault.name
        assert Blueprint(**dict(variation.chain)) != Blueprint() or not variation.chain


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("slow", Misconduct(delay_ms=500)),
        ("slow=20", Misconduct(delay_ms=20)),
        ("SLOW=20", Misconduct(delay_ms=20)),
        ("close-after=hello", Misconduct(at="hello")),
        ("close-after=handshake", Misconduct(at="handshake")),
        ("close-after=300", Misconduct(at="sent", sent=300)),
        ("reset-after=0", Misconduct(at="sent", then="reset")),
        ("alert", Misconduct(at="hello", say=bytes.fromhex("15 03 03 00 02 02 28"))),
        ("alert=unrecognized-name", Misconduct(at="hello", say=bytes.fromhex("15 03 03 00 02 02 70"))),
        ("alert=close_notify", Misconduct(at="hello", say=bytes.fromhex("15 03 03 00 02 01 00"))),
        ("refuse=2/3", Misconduct(at="bytes", then="reset", share=(2, 3))),
    ],
)
def test_an_argument_says_how(name: str, expected: Misconduct) -> None:
    assert faults.variation((name,)).misconduct == expected


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [
        ("expierd", "unknown-name", "did you mean expired?"),
        ("al", "unknown-name", "did you mean all?"),
        ("xyzzy", "unknown-name", "--fault list shows all of them"),
        ("", "unknown-name", "--fault list shows all of them"),
        ("expired=1", "usage", "write --fault expired"),
        ("close-after", "usage", "give it hello, handshake or a number of bytes, as in --fault close-after=300"),
        ("close-after=-1", "usage", "give it hello, handshake or a number of bytes, as in --fault close-after=300"),
        ("reset-after=²", "usage", "give it hello, handshake or a number of bytes, as in --fault reset-after=300"),
        ("close-after=99999999999", "usage", "give it hello, handshake or a number of bytes, as in --fault close-after=300"),
        ("slow=", "usage", "give it a time in milliseconds, as in --fault slow=500"),
        ("slow=0", "usage", "give it a time in milliseconds, as in --fault slow=500"),
        ("slow=1s", "usage", "give it a time in milliseconds, as in --fault slow=500"),
        ("refuse=0/2", "usage", "give it a share such as 1/3, as in --fault refuse=1/2"),
        ("refuse=3/2", "usage", "give it a share such as 1/3, as in --fault refuse=1/2"),
        ("refuse=1/0", "usage", "give it a share such as 1/3, as in --fault refuse=1/2"),
        ("alert=nonsense", "usage", f"give it one of {', '.join(alerts.NUMBERS)}, as in --fault alert=handshake_failure"),
    ],
)
def test_what_is_no_fault_is_told_what_is(name: str, code: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        faults.variation((name,))
    assert (raised.value.code, raised.value.hint) == (code, hint)


def test_several_faults_are_shown_at_once_where_they_change_different_things() -> None:
    both = faults.variation(("expired", "wrong-name", "slow=5", "truncate", "tls12-only", "refuse=1/2", "expired"))
    assert both.name == "expired+wrong-name+slow=5+truncate+tls12-only+refuse=1/2"
    assert [field for field, _ in both.chain] == ["valid", "names"]
    assert both.versions == ("1.2",)
    assert both.misconduct == Misconduct(delay_ms=5, truncate=True, at="bytes", then="reset", share=(1, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expired", "not-yet-valid"),
        ("self-signed", "weak-key"),
        ("slow", "trickle"),
        ("slow=1", "slow=2"),
        ("silent", "garbage"),
        ("silent", "expired"),
        ("plain-http", "small-records"),
        ("alert", "client-cert-demanded"),
        ("close-after=hello", "tls12-only"),
        ("close-after=handshake", "truncate"),
        ("refuse=2/2", "expired"),
    ],
)
def test_faults_that_exclude_each_other_are_refused_in_either_order(one: str, other: str) -> None:
    for names in ((one, other), (other, one)):
        with pytest.raises(UsageError) as raised:
            faults.variation(names)
        assert raised.value.code == "usage"
        assert one in raised.value.message
        assert other in raised.value.message


def test_faults_that_only_look_alike_go_together() -> None:
    for names in (("close-after=handshake", "expired"), ("close-after=300", "small-records"), ("ssh-banner", "trickle")):
        assert faults.variation(names).name == "+".join(names)


def test_the_document_has_the_line_of_every_fault() -> None:
    table = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    assert table == [f"| `{fault.label}` | {fault.words} | {said(fault.listed())} |" for fault in faults.FAULTS]


def test_every_command_line_of_the_document_is_understood() -> None:
    lines = [line for block in DOCUMENT.split("```\n")[1::2] for line in block.splitlines() if line.startswith("tlstool")]
    assert len(lines) > 5
    for line in lines:
        _, name, *words = shlex.split(line)
        context = program.commands[name].make_context(name, words, parent=click.Context(program, info_name="tlstool"))
        names = [one for one in context.params["faults"] if one not in (faults.LIST, faults.ALL)]
        assert not names or faults.variation(names)


def said(event: FaultShown) -> str:
    return "; ".join(
        f"{one.exit_status}"
        + (f" `{one.code}`" if one.code else "")
        + (f" with `{' '.join(one.options)}`" if one.options else "")
        for one in event.promises
    )


def test_garbage_looks_like_nothing_that_is_known() -> None:
    garbage = next(fault for fault in behaviour.BEHAVIOUR if fault.name == "garbage").wire
    assert garbage is not None
    assert recognise(garbage["say"]) is None
    assert garbage["say"][0] not in range(0x14, 0x19)  # the types of TLS records
