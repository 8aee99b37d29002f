"""Values on the command line: durations, instants, TLS versions, lists of names. A wrong value is met with a right one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from click.shell_completion import CompletionItem

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE_SHIFTS = {"b": 0, "kib": 10, "mib": 20, "gib": 30}
_VERSIONS = ("1.0", "1.1", "1.2", "1.3")


class Duration(click.ParamType[float]):
    """A number with its unit, such as `500ms`, `10s` or `2m`, as seconds."""

    name = "duration"

    def __init__(self, *, zero: bool = False) -> None:
        self._zero = zero

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, (int, float)):
            return float(value)
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)?", value.strip().lower())
        if not found:
            raise _wrong(param, f"{value!r} is no duration", "write a number with its unit: 500ms, 10s, 2m, 1h")
        number, unit = found.groups()
        if unit is None:
            raise _wrong(param, f"{value!r} has no unit", f"did you mean {number}s?")
        seconds = float(number) * _UNITS[unit]
        if seconds == 0 and not self._zero:
            left_out = "its default" if param and isinstance(param.default, str) else "no limit"
            raise _wrong(param, f"{value!r} is no time at all", f"leave the option out for {left_out}")
        return seconds


class FileName(click.Path):
    """The name of a file, whatever there is under it; an empty one is a variable of a script that is not set."""

    def __init__(self) -> None:
        super().__init__(readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name as it is."""
        if value == "":
            raise _wrong(param, "the name of the file is empty", "name a file, or leave the option out")
        return super().convert(value, param, ctx)


class PhaseLimit(click.ParamType["tuple[str, float]"]):
    """A phase of a connection and its limit, such as `handshake=2s`, as name and seconds.

    `phases` finds those that there are; by default, those of a client.
    """

    name = "limit"

    def __init__(self, phases: Callable[[], Iterable[str]] | None = None) -> None:
        self._phases = phases or _phases_of_clients

    def convert(
        self, value: str | tuple[str, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Name and seconds."""
        if not isinstance(value, str):
            return value
        phase, separator, limit = value.partition("=")
        if not separator:
            raise _wrong(param, f"{value!r} is no limit of a phase", "write PHASE=TIME, as in handshake=2s")
        phases = tuple(self._phases())
        if phase.strip() not in phases:
            raise _wrong(param, f"there is no phase {phase!r}", f"choose from {', '.join(phases)}")
        return phase.strip(), Duration().convert(limit, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        """The phases."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(f"{phase}=") for phase in self._phases() if phase.startswith(incomplete)]


def _phases_of_clients() -> Iterable[str]:
    from tlstool.phases import LIMITS

    return LIMITS


class Whole(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        bounds = f"from {self.min} to {self.max}" if self.max is not None else f"{self.min} or more"
        try:
            number = int(value)
        except ValueError:
            raise _wrong(param, f"{value!r} is no whole number", f"give one, {bounds}") from None
        if number < (self.min or 0) or (self.max is not None and number > self.max):
            raise _wrong(param, f"{number} is out of range", f"give a number, {bounds}")
        return number


class Numbers(click.ParamType["tuple[int, ...]"]):
    """Whole numbers with commas between them, each within bounds."""

    name = "numbers"

    def __init__(self, least: int, most: int) -> None:
        self._each = Whole(least, most)

    def convert(self, value: str | Sequence[int], param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers."""
        given = value.split(",") if isinstance(value, str) else value
        return tuple(dict.fromkeys(self._each.convert(one, param, ctx) for one in given))


class Size(click.ParamType[int]):
    """A number of bytes such as `512`, `64KiB` or `1MiB`, and not fewer than `least`."""

    name = "size"

    def __init__(self, least: int = 0) -> None:
        self._least = least

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,12})(B|KiB|MiB|GiB)?", value.strip(), re.IGNORECASE)
        if not found:
            raise _wrong(param, f"{value!r} is no size", "write bytes, or a number with its unit: 512, 64KiB, 1MiB")
        number, unit = found.groups()
        size = int(number) << _SIZE_SHIFTS[(unit or "b").lower()]
        if size < self._least:
            raise _wrong(param, f"{value!r} is too little", f"give {self._least} B or more")
        return size


class Instant(click.ParamType[int]):
    """A moment of RFC 3339, or a day of which it takes the first moment in UTC, as seconds since the epoch."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds since the epoch."""
        from datetime import UTC, datetime

        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise _wrong(param, f"{value!r} is no time", "write 2026-12-24 or 2026-12-24T18:00:00Z") from None
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


class NameList(click.ParamType["tuple[str, ...]"]):
    """Names with commas or colons between them."""

    name = "list"
    separators = ",:"

    def convert(self, value: str | Sequence[str], param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names, each checked."""
        given = re.split(f"[{self.separators}]", value) if isinstance(value, str) else list(value)
        found = [self.check(name.strip(), param) for name in given if name.strip()]
        if not found:
            raise _wrong(param, "the list is empty", "leave the option out for the defaults")
        return tuple(dict.fromkeys(found))

    def check(self, name: str, param: click.Parameter | None) -> str:
        """One name as it is meant.

        Raises:
            UsageError: it makes no sense here.
        """
        return name

    def choices(self) -> tuple[str, ...]:
        """What completion offers."""
        return ()

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:
        """The names that the last one of the list may become."""
        from click.shell_completion import CompletionItem

        done, separator, begun = incomplete.rpartition(",")
        return [CompletionItem(done + separator + name) for name in self.choices() if name.lower().startswith(begun.lower())]


class Protocols(NameList):
    """ALPN protocol names (RFC 7301); commas alone stand between them."""

    separators = ","

    def check(self, name: str, param: click.Parameter | None) -> str:
        """A name of 1 to 255 bytes."""
        if len(name.encode()) > 255:
            raise _wrong(param, "an ALPN name has at most 255 bytes (RFC 7301 section 3.1)", None)
        return name

    def choices(self) -> tuple[str, ...]:
        """The common ones."""
        return ("h2", "http/1.1", "dot", "imap", "pop3", "acme-tls/1", "mqtt", "postgresql")


class Ciphers(NameList):
    """Cipher suites, in IANA's or OpenSSL's spelling; `also` are words that stand for several."""

    def __init__(self, *, also: tuple[str, ...] = ()) -> None:
        self._also = also

    def check(self, name: str, param: click.Parameter | None) -> str:
        """The IANA name."""
        from tlstool import names

        return name.lower() if name.lower() in self._also else names.known_suite(name)

    def choices(self) -> tuple[str, ...]:
        """All, by IANA name."""
        from tlstool import names

        return (*self._also, *names.ALL_SUITES)


class Groups(NameList):
    """Key exchange groups, in IANA's, NIST's or OpenSSL's spelling."""

    def check(self, name: str, param: click.Parameter | None) -> str:
        """The IANA name."""
        from tlstool import names

        return names.known_group(name)

    def choices(self) -> tuple[str, ...]:
        """All, by IANA name."""
        from tlstool import names

        return names.ALL_GROUPS


class OneOf(NameList):
    """Names out of a few; `aliases` maps what is also understood to what is meant."""

    def __init__(self, *known: str, what: str, aliases: dict[str, str] | None = None) -> None:
        self._known = known
        self._what = what
        self._aliases = aliases or {}

    def check(self, name: str, param: click.Parameter | None) -> str:
        """The name itself."""
        meant = self._aliases.get(name.lower(), name.lower())
        if meant not in self._known:
            raise _wrong(param, f"there is no {self._what} {name!r}", self._hint(name))
        return meant

    def _hint(self, name: str) -> str:
        words = nearest(name, (*self._known, *self._aliases))
        return words if words.startswith("did") else nearest("", self._known)

    def choices(self) -> tuple[str, ...]:
        """All."""
        return self._known

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The choices, as far as they are few."""
        return "|".join(self._known) if len(self._known) <= 4 else None


class OneWord(click.Choice[str]):
    """One out of a few words, with the nearest right one for a wrong one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word."""
        known = [str(choice) for choice in self.choices]
        if value not in known:
            raise _wrong(param, f"{value!r} is not known", nearest(str(value), known))
        return str(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The words, without brackets: they are not optional."""
        return "|".join(str(choice) for choice in self.choices)


class Versions(OneOf):
    """TLS versions."""

    def __init__(self) -> None:
        also = {f"{prefix}{version}": version for version in _VERSIONS for prefix in ("tls", "tlsv", "tls ")}
        super().__init__(*_VERSIONS, what="TLS version", aliases=also | {"tlsv1": "1.0", "1": "1.0"})


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint: the nearest right value, or all of them."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"


def _wrong(param: click.Parameter | None, message: str, hint: str | None) -> Exception:
    from tlstool.errors import UsageError

    option = f"{max(param.opts, key=len)}: " if param else ""
    return UsageError("usage", option + message, hint)
