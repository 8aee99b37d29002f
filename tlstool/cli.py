"""The program: its commands, its global options, and `main`, the one place that decides about the exit.

A command's module is imported when the command is looked at, and what the command uses when it runs, so that `--help` and
completion are as quick as Python and click allow.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tlstool.output.console import ColorChoice, Console

if TYPE_CHECKING:
    from typing import TextIO

    from tlstool.errors import TlsToolError

COMMANDS = ("connect", "serve", "bench", "cert-verify", "s_client", "help", "completions")
"""The commands in the order of `--help`; each has a file of that name in `commands/`."""

_COMPLETE = "_TLSTOOL_COMPLETE"
_STRANGERS = {
    "s_server": "tlstool serve",
    "s_time": "tlstool bench handshake",
    "speed": "tlstool bench local",
    "verify": "tlstool cert-verify",
    "version": "tlstool --version",
    "exit-codes": "tlstool help exit-codes",
}
"""What people may look for who know openssl."""

_DISK_TROUBLE = (errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC)


class _Commands(dict[str, click.Command]):
    """The commands by name. The names are known from the start; a command is imported at the first look at it."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(COMMANDS, click.Command(None)))
        self._loaded: set[str] = set()

    def __getitem__(self, name: str) -> click.Command:
        if name in self and name not in self._loaded:
            attribute = name.replace("-", "_")
            self[name] = getattr(import_module(f"tlstool.commands.{attribute}"), attribute)
            self._loaded.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - it is `get`

    def values(self) -> Any:
        return [self[name] for name in self]

    def items(self) -> Any:
        return [(name, self[name]) for name in self]


class _Program(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from tlstool.version import describe

    context.obj.result("\n".join(describe()))
    context.exit()


@click.group(
    cls=_Program,
    commands=_Commands(),
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "TLSTOOL"},
    epilog="Options of a command can be given in the environment, too: TLSTOOL_CONNECT_CA is --ca of connect.",
)
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="When to use colour."
)
@click.option("--debug", is_flag=True, allow_from_autoenv=False, help="Show a traceback when tlstool itself fails.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    allow_from_autoenv=False,
    callback=_show_version,
    help="Show versions and exit.",
)
@click.pass_obj
def program(console: Console, *, color: ColorChoice, debug: bool) -> None:
    """A TLS client, server, benchmark and certificate judge.

    \b
    # all about a server; the exit status is the verdict
    tlstool connect example.com
    # a server with a throw-away certificate
    tlstool serve 4433
    # Rustls and OpenSSL, side by side
    tlstool bench local
    # would this chain be trusted?
    tlstool cert-verify chain.pem --verify-name example.com
    """
    console.color_by(color)


def main() -> NoReturn:
    """Run the program on the command line's arguments and exit; see `tlstool help exit-codes`."""
    status = run(sys.argv[1:])
    # The interpreter would look through everything for garbage once more before it ends.
    gc.freeze()
    sys.exit(status)


def run(args: Sequence[str]) -> int:
    """Run the program and return its exit status. Raises nothing."""
    console = Console(_stream(sys.stdout), _stream(sys.stderr))
    status = 3
    try:
        status = _run(list(args), console)
        # Python flushes once more while it ends, when nobody can catch what goes wrong.
        _stream(sys.stdout).flush()
    except BrokenPipeError:
        _abandon_output()
        return 141
    except OSError:
        # That was told when it was written; what is left is the same text in the buffer.
        _abandon_output()
        return status
    except KeyboardInterrupt:
        return 130
    return status


def _run(args: list[str], console: Console) -> int:
    instruction = os.environ.get(_COMPLETE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(program, {"obj": console}, "tlstool", _COMPLETE, instruction)
    try:
        # Not `program.main`: click would make status 1 of a closed pipe and of Ctrl-C.
        with program.make_context("tlstool", list(args), obj=console, terminal_width=_help_width()) as context:
            return int(program.invoke(context) or 0)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        console.aside(error.ctx.get_help())
        return 2
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return _fail(_by_name(error, args, console), args, console)


def _by_name(error: BaseException, args: list[str], console: Console) -> TlsToolError:
    """Whatever was raised as an error of ours."""
    from tlstool.errors import Interrupted, TlsToolError

    if isinstance(error, TlsToolError):
        return error
    if isinstance(error, click.ClickException):
        return _explained(error, args)
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted", "interrupted")
    if isinstance(error, OSError) and error.errno in _DISK_TROUBLE:
        return _not_written(error)
    return _bug(error, args, console)


def _fail(error: TlsToolError, args: list[str], console: Console) -> int:
    """Say what went wrong, in the way that the command line asks for, and return the status of it."""
    from tlstool.errors import Interrupted

    console.clear()
    command = _command_in(args)
    put = console.aside if command and _relays(command, args) else console.result
    form = command and _wants_json(command, args)
    try:
        if command and form:
            from tlstool.output import jsonout

            document = jsonout.event_failure(error) if command == "serve" else jsonout.failure(command, error)
            put(jsonout.line(document) if command == "serve" or form == "jsonl" else jsonout.text(document))
        elif _is_monitored(command, args):
            from tlstool.output import monitoring

            console.result(monitoring.failure(error.message))
    except BrokenPipeError:
        raise
    except OSError as trouble:
        error = _not_written(trouble)
        form = None
    if not form and not isinstance(error, Interrupted):
        console.error(error.message, error.hint)
    if _is_monitored(command, args):
        from tlstool.output import exitcodes

        return exitcodes.monitoring_status(error.exit_status)
    return error.exit_status


def _not_written(error: OSError) -> TlsToolError:
    from tlstool.errors import LocalError, cause

    return LocalError("file-not-written", f"cannot write the output: {cause(error)}")


def _explained(error: click.ClickException, args: list[str]) -> TlsToolError:
    """What click found wrong with the command line, with the nearest right thing."""
    from tlstool.errors import UsageError

    context: click.Context | None = getattr(error, "ctx", None)
    command = _command_in(args)
    path = context.command_path if context else f"tlstool {command}" if command else "tlstool"
    hint = f"{path} --help shows what there is"
    if isinstance(error, click.exceptions.NoSuchCommand):
        near = error.possibilities
        stranger = _STRANGERS.get(error.command_name)
        if stranger:
            hint = f"what you want is {stranger}"
        return UsageError("usage", f"there is no command {error.command_name!r}", _did_you_mean(near) or hint)
    if isinstance(error, click.exceptions.NoSuchOption):
        return _no_such_option(error, args, path, hint)
    message = error.format_message().rstrip(".")
    if message.startswith("Got unexpected extra argument") and command in ("connect", "bench handshake"):
        hint = "host and port are one argument: localhost:4433"
        if "--http" in args:
            hint = "a path begins with a slash: --http /index.html"
    return UsageError("usage", message[:1].lower() + message[1:], hint)


def _no_such_option(error: click.exceptions.NoSuchOption, args: list[str], path: str, hint: str) -> TlsToolError:
    """An unknown option: one of another program's, one of another place, or a slip."""
    from tlstool.errors import UsageError

    name = error.option_name
    message = f"there is no option {name}"
    ours = getattr(error.ctx.command, "from_others", {}) if error.ctx else {}
    if name in ours:
        return UsageError("usage", message, f"it is {ours[name]} here")
    foreign = getattr(error.ctx.command, "from_openssl", {}) if error.ctx else {}
    translation = {spec.split()[0]: meaning for spec, meaning in foreign.items()}
    # click takes -servername for a heap of short options, and names the first of them that it does not know.
    typed = next((arg for arg in args if arg in translation or (arg == name and arg[1:] in translation)), None)
    if typed:
        meaning = translation.get(typed) or translation[typed[1:]]
        return UsageError("usage", f"there is no option {typed}", f"what s_client calls -{typed.lstrip('-')} is {meaning} here")
    if name in {spelling for param in program.params for spelling in param.opts} and path != "tlstool":
        return UsageError("usage", f"{name} is no option of {path}", f"it goes before the command: tlstool {name} ...")
    if path == "tlstool" and (command := _owner(name, args)):
        return UsageError("usage", f"{name} is no option of tlstool", f"it goes after the command: tlstool {command} {name} ...")
    return UsageError("usage", message, _did_you_mean(error.possibilities) or hint)


def _owner(option: str, args: list[str]) -> str | None:
    """The command on a command line that has the option which stands before it."""
    name = _command_in(args)
    command: click.Command | None = program
    for word in (name or "").split():
        command = command.commands.get(word) if isinstance(command, click.Group) else None
    known = command and command is not program and any(option in param.opts for param in command.params)
    return name if known else None


def _did_you_mean(near: Sequence[str] | None) -> str | None:
    return f"did you mean {near[0]}?" if near else None


def _bug(error: BaseException, args: list[str], console: Console) -> TlsToolError:
    from tlstool import __version__
    from tlstool.errors import InternalError

    if "--debug" in args or os.environ.get("TLSTOOL_DEBUG", "") not in ("", "0"):
        import traceback

        console.aside("".join(traceback.format_exception(error)).rstrip())
    python = ".".join(map(str, sys.version_info[:3]))
    words = f"sorry, tlstool {__version__} (Python {python}, {sys.platform}) failed: {type(error).__name__}: {error}"
    hint = "this is a bug: please report it with the output of tlstool --version; --debug shows where it is"
    return InternalError("internal-error", words, hint)


def _command_in(args: Sequence[str]) -> str | None:
    """The command of a command line that may not make sense, if it answers in JSON: `connect`, `bench local` ..."""
    words = [arg for arg in args if not arg.startswith("-")]
    for place, word in enumerate(words):
        if word == "bench":
            return next((f"bench {name}" for name in words[place + 1 :] if name in ("local", "handshake")), None)
        if word == "s_client":
            return "connect"
        if word in COMMANDS:
            return word if word in ("connect", "serve", "cert-verify") else None
    return None


def _wants_json(command: str, args: Sequence[str]) -> str | None:
    """The form of JSON that a command line asks for, `json` or `jsonl`; None if it asks for none."""
    for form in ("jsonl", "json"):
        if f"--{form}" in args or _in_environment(command, form).lower() in ("1", "true", "t", "yes", "y", "on"):
            return form
    return None


def _is_monitored(command: str | None, args: Sequence[str]) -> bool:
    """Whether the exit status is to be that of a monitoring plugin."""
    given = "--exit-map=nagios" in args or ("--exit-map", "nagios") in pairwise(args)
    return given or bool(command and _in_environment(command, "exit_map") == "nagios")


def _in_environment(command: str, option: str) -> str:
    return os.environ.get(f"TLSTOOL_{command}_{option}".upper().replace(" ", "_").replace("-", "_"), "")


def _relays(command: str, args: Sequence[str]) -> bool:
    """Whether stdout belongs to the peer."""
    short = (arg[1:] for arg in args if arg[:1] == "-" and arg[1:].isalnum())
    long = {arg.partition("=")[0] for arg in args} & {"--pipe", "--interactive", "--send", "--expect", "--http"}
    return command == "connect" and (
        bool(long) or any(set(flags) & set("pi") and set(flags) <= set("46ikpqvh") for flags in short)
    )


def _help_width() -> int:
    """As click has it, 78 columns or what the terminal has; but without shutil, which takes as long to import as all of ours."""
    columns = os.environ.get("COLUMNS", "")
    if not columns.isdecimal():
        try:
            columns = str(os.get_terminal_size(1).columns)
        except OSError:
            columns = "80"
    return max(min(int(columns) or 80, 80) - 2, 50)


def _stream(stream: TextIO | None) -> TextIO:
    """A stream that can be written to, also where ours was closed before we began."""
    if stream is not None:
        return stream
    from io import StringIO

    return StringIO()


def _abandon_output() -> None:
    """Point stdout at nothing, so that what is left in its buffer makes no noise at the very end."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
    os.close(null)
