"""`tlstool s_client`: the words of `openssl s_client`, translated into a line of `tlstool connect`, which is shown and run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from tlstool.errors import UsageError

from ._command import Command
from ._openssl import WORDS, Word
from .connect import connect

if TYPE_CHECKING:
    from tlstool.output.console import Console

_UNLIKE = (
    "unlike s_client: the certificate and the name in it are verified and decide the exit status (-k waives that); "
    "stdin is left alone (-p relays it)"
)
_HELP = ("-help", "--help", "-h", "-?")
_VERSIONS = {"-tls1": "1.0", "-tls1_1": "1.1", "-tls1_2": "1.2", "-tls1_3": "1.3"}
_GATHERED = {
    *_VERSIONS,
    *("-no_tls1_2", "-no_tls1_3", "-host", "-port", "-proxy", "-proxy_user", "-starttls", "-name", "-xmpphost"),
    *("-keymatexport", "-keymatexportlen"),
}
_PRINTED = ("--chain", "-")
_INSTEAD = {"--pipe", "--interactive", "--send", "--expect", "--http", "--json", "--jsonl", "--chain", "--quiet"}
_PURPOSES = {"sslserver": "server", "sslclient": "client", "any": "any"}


class _Words(Command):
    """A command that reads its arguments itself: click would take `-connect` for a heap of short options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Everything as it stands, but for a call for help."""
        if not args or any(arg in _HELP for arg in args):
            return super().parse_args(ctx, ["--help"] if args else [])
        ctx.params["words"] = tuple(args)
        ctx.args = []
        return []


@click.command(
    cls=_Words,
    name="s_client",
    no_args_is_help=True,
    examples=(
        ("s_client -connect example.com:443 -servername example.com", "becomes: connect example.com:443 --sni example.com"),
        ("s_client -connect mail.example:25 -starttls smtp -CAfile ca.pem", "one dash or two, as openssl takes them"),
    ),
)
@click.pass_context
def s_client(context: click.Context, /, words: Sequence[str] = ()) -> int:
    """Understand the options of openssl s_client.

    Prints the line of `tlstool connect` that they amount to, and runs it. Options of connect may stand among them. What has no
    equivalent is refused with what to do instead, or said to make no difference.
    """
    console: Console = context.obj
    line = translated(words)
    if console.out.columns is None:
        line.print_certificate()
    if not line.quiet:
        from shlex import join

        console.note(join(("tlstool", "connect", *line.arguments)))
        for note in (*line.notes, _UNLIKE):
            console.note(note)
    with connect.make_context("connect", list(line.arguments), parent=context.parent) as inner:
        return int(connect.invoke(inner) or 0)


class Line:
    """A command line of `connect` in the making.

    Attributes:
        arguments: the target first, then the options.
        notes: what the user should know of words that are not among them.
        is_brief: whether no certificates are wanted.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.is_brief = False
        self._target: str | None = None
        self._options: list[tuple[str, ...]] = []
        self._said: dict[str, str] = {}

    @property
    def arguments(self) -> tuple[str, ...]:
        """See the class.

        Raises:
            UsageError: there is no target, or no version is left.
        """
        target = self._target
        if target is None and {"-host", "-port"} & self._said.keys():
            host = self._said.get("-host", "localhost")
            target = f"{f'[{host}]' if ':' in host else host}:{self._said.get('-port', '4433')}"
        if target is None:
            hint = "name it: -connect HOST:PORT (s_client would take localhost:4433)"
            raise UsageError("usage", "there is no target", hint)
        options = [option for option in self._options if option != _PRINTED or self._has_room()]
        return (target, *(word for option in dict.fromkeys((*options, *self._gathered())) for word in option))

    @property
    def quiet(self) -> bool:
        """Whether nothing is to be said but by the peer."""
        return ("--quiet",) in self._options

    def take(self, word: Word, value: str) -> None:
        """Add what an option of s_client means."""
        if word.name in ("-connect", "-unix"):
            self._target = word.meaning.replace("TARGET", value).replace("PATH", value)
        elif word.name in _GATHERED:
            self._said[word.name] = value
        else:
            for option in _translation(word, value, self.notes):
                self.add(option)

    def add(self, option: tuple[str, ...]) -> None:
        """Add an option of connect, with its value if it has one."""
        self._options.append(option)

    def print_certificate(self) -> None:
        """Print the certificates for a program that reads them, as s_client does without being asked."""
        if _PRINTED not in self._options and not self.is_brief and self._has_room():
            self.add(_PRINTED)
            self.notes.append("the certificates follow the report, since stdout is no terminal: -brief leaves them out")

    def _has_room(self) -> bool:
        """Whether stdout is not for something else alone, and the certificates do not go elsewhere."""
        names = {option[0].partition("=")[0] for option in self._options if option != _PRINTED}
        heaps = {letter for name in names if not name.startswith("--") for letter in name[1:]}
        return names.isdisjoint(_INSTEAD) and heaps.isdisjoint("pi")

    def place(self, target: str) -> None:
        """Take a word that stands alone, which is the target.

        Raises:
            UsageError: there is one already.
        """
        if self._target is not None:
            raise UsageError("usage", f"two targets: {self._target} and {target}", "host and port are one word: HOST:PORT")
        self._target = target

    def _gathered(self) -> Iterator[tuple[str, ...]]:
        """What several options of s_client say together."""
        said = self._said
        only = [version for name, version in _VERSIONS.items() if name in said]
        versions = [version for version in only or ["1.2", "1.3"] if f"-no_tls{version.replace('.', '_')}" not in said]
        if not versions:
            raise UsageError("usage", "no version of TLS is left", "leave out one of the -no_tls options")
        if only or versions != ["1.2", "1.3"]:
            yield "--tls", ",".join(versions)
        if proxy := said.get("-proxy"):
            user = f"{said['-proxy_user']}@" if "-proxy_user" in said else ""
            yield "--proxy", f"http://{user}{proxy}"
        if starttls := said.get("-starttls"):
            yield "--starttls", starttls
            # The other protocols in which s_client gives a name do without one here.
            if starttls.startswith("xmpp") and (name := said.get("-xmpphost") or said.get("-name")):
                yield "--xmpp-to", name
        if label := said.get("-keymatexport"):
            yield "--export-keying", f"{label}:{said.get('-keymatexportlen', '20')}"


def translated(words: Sequence[str]) -> Line:
    """The line that the words of s_client amount to.

    Raises:
        UsageError: a word is of neither program, lacks its value, or asks for what cannot be done.
    """
    line, rest = Line(), list(words)
    while rest:
        given = rest.pop(0)
        if not given.startswith("-") or given == "-":
            line.place(given)
            continue
        # Since 1.1.0 openssl takes two dashes for one.
        word = WORDS.get("-" + given.lstrip("-"))
        if word is None:
            line.add((given, *_own_value(given, rest)))
            continue
        value = _value(given, rest) if word.value else ""
        if word.fate == "refused":
            raise UsageError("usage", f"{given} has no equivalent here", word.meaning)
        if word.fate == "needless":
            line.notes.append(f"{given} is {word.meaning}")
            line.is_brief |= word.name == "-brief"
        else:
            line.take(word, value)
    return line


def _translation(word: Word, value: str, notes: list[str]) -> list[tuple[str, ...]]:
    """The options here, each with its value, for one of s_client's that stands for itself."""
    match word.name:
        case "-attime":
            return [("--at", _moment(value))]
        case "-pass" | "-proxy_pass":
            return [(word.meaning.split()[0], _pass_file(word.name, value))]
        case "-purpose":
            if value not in _PURPOSES:
                raise UsageError("usage", f"-purpose {value} has no equivalent here", f"one of {', '.join(_PURPOSES)}")
            return [("--purpose", _PURPOSES[value])]
        case "-min_protocol" | "-max_protocol":
            version = value.lower().removeprefix("tlsv")
            return [(word.meaning.split()[0], "1.0" if version == "1" else version)]
        case "-cipher" if "@SECLEVEL" in value:
            notes.append("@SECLEVEL is of no meaning: suites that are named are offered at any security level")
            names = [name for name in value.replace("@", ":@").split(":") if name and not name.startswith("@")]
            return [] if names in ([], ["DEFAULT"], ["ALL"]) else [("--ciphers", ":".join(names))]
    found: list[tuple[str, ...]] = []
    for part in word.meaning.split():
        if part.startswith("-") and part != "-":
            found.append((part,))
        else:
            found[-1] += (value if part == word.value else part,)
    return found


def _moment(seconds: str) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        raise UsageError("usage", f"-attime: {seconds!r} is no time", "it takes seconds since 1970") from None


def _pass_file(option: str, source: str) -> str:
    """The file of a pass phrase source of openssl (openssl-passphrase-options)."""
    kind, _, rest = source.partition(":")
    if kind == "file" and rest:
        return rest
    if kind == "fd" and rest.isdecimal():
        return f"/dev/fd/{rest}"
    if source == "stdin":
        return "/dev/stdin"
    hint = f"put it into a file that only you can read: {option} file:FILE; or leave {option} out to be asked for it"
    raise UsageError("usage", f"{option}: a pass phrase on a command line can be read by everybody on the machine", hint)


def _value(option: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError("usage", f"{option} needs a value", None)
    return rest.pop(0)


def _own_value(option: str, rest: list[str]) -> tuple[str, ...]:
    """The value of one of connect's own options, if it takes one and has it not in the same word.

    Raises:
        UsageError: it is none of them.
    """
    flags = {spelling for param in connect.params if _is_flag(param) for spelling in param.opts}
    if all(f"-{letter}" in flags for letter in option[1:]):
        return ()  # a heap of short ones
    name = option.partition("=")[0]
    param = next((param for param in connect.params if name in param.opts), None)
    if param is None:
        from difflib import get_close_matches

        known = [*WORDS, *(spelling for one in connect.params for spelling in one.opts if spelling.startswith("-"))]
        near = get_close_matches("-" + name.lstrip("-"), known, n=1) or get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "tlstool connect --help shows what there is"
        raise UsageError("usage", f"there is no option {option}, neither of s_client nor of tlstool connect", hint)
    if option == "--http" and not "".join(rest[:1]).startswith("/"):
        return ()  # the one whose value may be missing
    return () if _is_flag(param) or name != option else (_value(option, rest),)


def _is_flag(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and (param.is_flag or param.count)
