"""What a user demands of a report, beyond the verdict: `tls>=1.3`, `alpn==h2`, `group~MLKEM`, `days>21`.

Names are those of the report's own fields, so that whatever a report says can be demanded. They are looked up in the report's
types before there is a report: a slip of the pen is found before a packet is sent.
"""

from __future__ import annotations

import operator
import re
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tlstool import names
from tlstool.errors import ThresholdError, UsageError
from tlstool.model import TlsVersion
from tlstool.record import Record
from tlstool.reports import Assertion, problem

if TYPE_CHECKING:
    from tlstool.reports import ConnectReport, VerifyReport

    R = TypeVar("R", bound=ConnectReport | VerifyReport)

ALIASES: dict[str, str] = {
    "tls": "handshake.tls",
    "suite": "handshake.suite",
    "group": "handshake.group",
    "alpn": "handshake.alpn",
    "sni": "handshake.sni",
    "kind": "handshake.kind",
    "signature": "handshake.signature_scheme",
    "verdict": "trust.verdict",
    "revocation": "trust.revocation",
    "days": "certificates.0.days_left",
    "subject": "certificates.0.subject",
    "issuer": "certificates.0.issuer",
    "names": "certificates.0.names",
    "key": "certificates.0.key_type",
    "sha256": "certificates.0.sha256",
    "spki": "certificates.0.spki_sha256",
}
"""Short names, and the fields that they stand for. The certificate is the peer's own, the first of its chain."""

Kind = Literal["text", "number", "flag", "version", "word"]

# What each kind of value can be asked.
_OPERATORS: dict[Kind, tuple[str, ...]] = {
    "text": ("==", "!=", "~"),
    "word": ("==", "!=", "~"),
    "flag": ("==", "!="),
    "number": ("==", "!=", "<", "<=", ">", ">="),
    "version": ("==", "!=", "<", "<=", ">", ">=", "~"),
}

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_SYNTAX = r"\s*([A-Za-z_][\w.\[\]]*)\s*(==|!=|<=|>=|<|>|~)\s*(.*?)\s*"
CONSISTENT = ("consistent",)
"""The path of the only thing that can be demanded by its name alone: that all addresses are alike."""

_NOT_A_FIELD = frozenset({"assertions", "pem"})


class Demand(Record):
    """An assertion, understood.

    Attributes:
        expression: as it was given.
        path: where in the report the value is; a number picks one of a list, a list without one means any of it.
        operator: one of `== != < <= > >= ~`.
        wanted: what to compare with: text, a number, a truth, a version as numbers, or a pattern.
        kind: of the value.
    """

    expression: str
    path: tuple[str, ...]
    operator: str
    wanted: Any
    kind: Kind


class _Field(Record):
    """A field of a report that holds a plain value.

    Attributes:
        path: the names from the report down to it.
        kind: what it holds.
        words: the values that it can have, where these are few.
    """

    path: tuple[str, ...]
    kind: Kind
    words: tuple[str, ...]


def understand(expressions: Sequence[str], report: type) -> tuple[Demand, ...]:
    """What is demanded of a report of this class.

    Raises:
        UsageError: `usage`: there is no such field, or its value cannot be compared so.
    """
    return tuple(_demand(expression, report) for expression in expressions)


def judged(report: R, demands: Sequence[Demand]) -> R:
    """The report with the outcome of each demand; the first that is missed decides the exit status, if nothing did before."""
    if not demands:
        return report
    outcomes = tuple(_outcome(demand, report) for demand in demands)
    report = replace(report, assertions=outcomes)
    missed = next((outcome for outcome in outcomes if not outcome.met), None)
    if missed is None or report.error is not None:
        return report
    message = f"{missed.expression} does not hold: {missed.field} is {missed.shown()}"
    error = ThresholdError("assertion-failed", message)
    return replace(report, exit_status=error.exit_status, error=problem(error))


# ---- understanding -------------------------------------------------------------------------------


def _demand(expression: str, report: type) -> Demand:
    bare = expression.strip()
    if (bare,) == CONSISTENT and bare in get_type_hints(report):
        return Demand(expression, CONSISTENT, "==", True, "flag")
    found = re.fullmatch(_SYNTAX, expression, re.DOTALL)
    if not found or not found[3]:
        hint = "did you mean ==?" if re.fullmatch(r"[^=!<>~]+=[^=].*", expression) else "write a field, an operator and a value"
        raise UsageError("usage", f"--assert: {expression!r} is no assertion", f"{hint}, such as tls>=1.3 or days>21")
    name, sign, value = found.groups()
    path, field = _lookup(name, tuple(_fields(report)))
    if sign not in _OPERATORS[field.kind]:
        what = {"text": "text", "word": "a word", "flag": "true or false"}.get(field.kind, f"a {field.kind}")
        hint = f"it can be compared by {' '.join(_OPERATORS[field.kind])}"
        raise UsageError("usage", f"--assert: {name} is {what}, which has no {sign}", hint)
    return Demand(expression, path, sign, _pattern(value) if sign == "~" else _wanted(name, value, field), field.kind)


def _lookup(name: str, fields: Sequence[_Field]) -> tuple[tuple[str, ...], _Field]:
    """The field that a name stands for, with its path as it was written: by its alias, in full, or shortened from the left."""
    for written in (ALIASES.get(name), name):
        parts = re.sub(r"\[(\d+)\]", r".\1", written or "").split(".")
        plain = tuple(part for part in parts if not part.isdecimal())
        below = [field for field in fields if field.path[: len(plain)] == plain != field.path]
        if written and below:
            hint = f"name one of its fields, such as {', '.join(map(_dotted, below[:3]))}"
            raise UsageError("usage", f"--assert: {name} is no single value", hint)
        fitting = [field for field in fields if field.path[-len(plain) :] == plain]
        # Of a field that many records have, the one nearest to the top is meant, if that is one.
        least = min((len(field.path) for field in fitting), default=0)
        fitting = [field for field in fitting if len(field.path) == least]
        if len(fitting) == 1:
            return (*fitting[0].path[: least - len(plain)], *parts), fitting[0]
        if fitting:
            raise UsageError("usage", f"--assert: {name} may be several", f"one of {', '.join(map(_dotted, fitting))}")
    raise UsageError("usage", f"--assert: there is no field {name!r}", _nearest(name, fields))


def _nearest(name: str, fields: Sequence[_Field]) -> str:
    from difflib import get_close_matches

    ends = {field.path[-2:] for field in fields}
    # Those that this report has: that on a chain in a file knows nothing of a handshake.
    short = [alias for alias, full in ALIASES.items() if tuple(full.replace(".0.", ".").split(".")) in ends]
    known = [*short, *dict.fromkeys(field.path[-1] for field in fields), *map(_dotted, fields)]
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"fields are those of --json; the short names are {', '.join(short)}"


def _wanted(name: str, value: str, field: _Field) -> Any:
    """The right side as a value of the field's kind; suites and groups are known under all their names."""
    match field.kind:
        case "number":
            try:
                return float(value)
            except ValueError:
                raise UsageError("usage", f"--assert: {name} is a number, and {value!r} is none", None) from None
        case "flag":
            if value.lower() not in ("true", "false"):
                raise UsageError("usage", f"--assert: {name} is true or false, and {value!r} is neither", None)
            return value.lower() == "true"
        case "version":
            number = re.sub(r"(?i)^tls ?v?", "", value)
            if number not in field.words:
                raise UsageError("usage", f"--assert: {value!r} is no TLS version", f"one of {', '.join(field.words)}")
            return _version(number)
        case "word":
            if value not in field.words:
                hint = f"{name} is one of {', '.join(field.words)}"
                raise UsageError("usage", f"--assert: {name} is never {value!r}", hint)
    return {"suite": names.suite, "group": names.group}.get(field.path[-1], str)(value)


def _pattern(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as error:
        hint = "a backslash before a sign takes the sign as it is"
        raise UsageError("usage", f"--assert: {value!r} is no regular expression: {error}", hint) from None


def _fields(report: type, above: tuple[str, ...] = ()) -> Iterator[_Field]:
    """The fields of a report, and of the records in it, that hold plain values or lists of such."""
    for name, hint in get_type_hints(report).items():
        if name in _NOT_A_FIELD:
            continue
        inner = _inner(hint)
        if is_dataclass(inner) and isinstance(inner, type):
            yield from _fields(inner, (*above, name))
        elif kind := _kind(inner):
            yield _Field((*above, name), kind, tuple(map(str, get_args(inner))))


def _inner(hint: Any) -> Any:
    """The type of a value, or of what a list has in it; whether it may be None matters not."""
    if get_origin(hint) in (Union, types.UnionType):
        some = [argument for argument in get_args(hint) if argument is not type(None)]
        return _inner(some[0]) if len(some) == 1 else hint
    if get_origin(hint) is tuple:
        return _inner(get_args(hint)[0])
    return hint


def _kind(hint: Any) -> Kind | None:
    if hint == TlsVersion:
        return "version"
    if get_origin(hint) is Literal:
        return "word"
    kinds: dict[Any, Kind] = {str: "text", bool: "flag", int: "number", float: "number"}
    return kinds.get(hint)


# ---- judging -------------------------------------------------------------------------------------


def _outcome(demand: Demand, report: Any) -> Assertion:
    found = [value for value in _values(report, demand.path) if value is not None]
    if demand.operator == "!=":
        met = bool(found) and not any(_holds(demand, "==", value) for value in found)
    else:
        met = any(_holds(demand, demand.operator, value) for value in found)
    actual = None if not found else found[0] if len(found) == 1 else tuple(found)
    return Assertion(demand.expression, ".".join(demand.path), actual, met)


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """All that a path leads to: one value, none behind a None, and several through a list."""
    if isinstance(value, tuple):
        if path and path[0].isdecimal():
            yield from _values(value[int(path[0])], path[1:]) if int(path[0]) < len(value) else ()
            return
        for one in value:
            yield from _values(one, path)
    elif not path:
        yield value
    elif value is not None:
        yield from _values(getattr(value, path[0], None), path[1:])


def _holds(demand: Demand, sign: str, value: Any) -> bool:
    if sign == "~":
        return bool(demand.wanted.search(value))
    return _COMPARE[sign](_version(value) if demand.kind == "version" else value, demand.wanted)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _dotted(field: _Field) -> str:
    return ".".join(field.path)
