"""The warnings: every code that there is, and each of those about a chain provoked by one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import factories
import pki
import pytest
from conftest import Pki

import tlstool
from tlstool import caveats
from tlstool.errors import subclasses
from tlstool.judge import judge
from tlstool.model import Criteria, Finding

PACKAGE = Path(tlstool.__file__).parent
COMMANDS = PACKAGE.parent / "commands"


def of_chain(*sent: pki.Issued, root: pki.Issued) -> list[tuple[str, int | None]]:
    """The warnings about what was sent, judged by this root."""
    certificates, trust = judge(b"".join(one.pem for one in sent), (), Criteria(root.roots))
    return [(one.code, one.certificate) for one in caveats.of_chain(certificates, trust)]


def test_a_chain_in_order_deserves_no_warning(certificates: Pki) -> None:
    assert of_chain(certificates.deep_leaf, certificates.intermediate, root=certificates.root) == []
    assert of_chain(certificates.leaf, root=certificates.root) == []


def test_what_is_odd_about_a_chain_is_told_with_the_certificate(certificates: Pki) -> None:
    root, middle, leaf = certificates.root, certificates.intermediate, certificates.deep_leaf
    stray = pki.authority("stray", pki.authority("another root"))
    lower = pki.authority("lower", middle)
    below = pki.leaf(lower)
    cases: dict[tuple[str, int], tuple[pki.Issued, ...]] = {
        ("chain-order", 2): (below, middle, lower),
        ("chain-duplicate", 2): (leaf, middle, middle),
        ("root-sent", 2): (leaf, middle, root),
        ("extra-certificates", 2): (leaf, middle, stray),
    }
    for expected, sent in cases.items():
        assert of_chain(*sent, root=root) == [expected]


@pytest.mark.parametrize(
    ("days", "warned"), [((-60, 30.5), False), ((-60, 20.5), True), ((-1, 5.5), False), ((-5, 1.5), True), ((-9, -1), False)]
)
def test_a_leaf_soon_expires_by_its_own_measure(certificates: Pki, days: tuple[float, float], warned: bool) -> None:
    found = of_chain(pki.leaf(certificates.root, days=days), root=certificates.root)
    assert found == ([("soon-to-expire", 0)] if warned else [])


def test_a_root_signed_by_way_of_sha_1_is_told() -> None:
    root = pki.authority("old root", key=pki.rsa_key())
    path = judge(pki.leaf(root).pem, (), Criteria(root.roots))[1].path
    assert path is not None
    old = replace(path[-1], signature_algorithm="sha1WithRSAEncryption")
    trust = factories.trust(path=(*path[:-1], old))
    assert [one.code for one in caveats.of_chain((factories.certificate(),), trust)] == ["sha1-root"]


Change = Callable[[], dict[str, object]]


@pytest.mark.parametrize(
    ("fields", "offered", "code"),
    [
        ({"tls": "1.2"}, (), "old-tls"),
        ({"tls": "1.2"}, ("1.2",), None),
        ({"staple": factories.staple(is_current=False, problem="it was good until then")}, (), "staple-expired"),
        ({"staple": factories.staple(signature="bad", problem="its signature is not the issuer's")}, (), "staple-invalid"),
        ({"staple": factories.staple(status="unknown")}, (), "staple-unknown"),
        ({"staple": factories.staple(status="unknown", signature="bad", problem="nobody signed it")}, (), "staple-invalid"),
        ({"staple": factories.staple(status="absent", signature="not_checked")}, (), None),
        ({"staple": None}, (), None),
        ({"staple": None, "must_staple": True}, (), "staple-not-checked"),
        ({"staple": None, "must_staple": True, "trust": factories.trust(verdict="not_checked")}, (), None),
    ],
)
def test_what_is_odd_about_a_handshake_is_told(fields: dict[str, object], offered: tuple[str, ...], code: str | None) -> None:
    leaf = factories.certificate(issuer="CN=Example Issuing CA 1", must_staple=fields.get("must_staple", False))
    fields = {name: value for name, value in fields.items() if name != "must_staple"}
    chain = (leaf, factories.certificate(subject="CN=Example Issuing CA 1", sha256="f" * 64))
    handshake = factories.handshake(certificates=chain, **fields)
    found = [one.code for one in caveats.of_handshake(handshake, offered)]  # type: ignore[arg-type]
    assert found == ([code] if code else [])


def test_every_finding_has_a_code_that_is_registered() -> None:
    errors = {code for cls in subclasses() for code in cls.codes}
    assert errors & caveats.WARNINGS.keys() == set()
    files = [*PACKAGE.rglob("*.py"), *COMMANDS.rglob("*.py")]
    used = {code for file in files for code in codes_in(ast.parse(file.read_text()))}
    assert used - errors - caveats.WARNINGS.keys() == set()
    assert caveats.WARNINGS.keys() - used - {"staple-expired", "staple-invalid"} == set()


def codes_in(tree: ast.Module) -> list[str]:
    """The codes of the findings that a module makes, as far as they stand there."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == Finding.__name__ and call.args]
    return [first.value for call in named if isinstance(first := call.args[0], ast.Constant) and isinstance(first.value, str)]
