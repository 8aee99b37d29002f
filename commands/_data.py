"""The options of `connect` that move application data, and what they come to in a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._command import Command, option
from ._options import all_of
from ._types import OneWord

if TYPE_CHECKING:
    from tlstool.events import Event, OnEvent
    from tlstool.output.console import Console
    from tlstool.requests import Expect, Send

_STEPS = "tlstool.steps"
"""Under which the context keeps in what order the steps were given: click hands the values over by option."""


class DataCommand(Command):
    """A command with `data_options`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; but `--http` takes the next word only if that is a path, and the order of steps is kept."""
        options = args[: args.index("--")] if "--" in args else args
        asks = (place for place, word in enumerate(options) if word == "--http")
        bare = {place for place in asks if not "".join(args[place + 1 : place + 2]).startswith("/")}
        words = ["--http=" if place in bare else word for place, word in enumerate(args)]
        _, _, order = self.make_parser(ctx).parse_args(list(words))
        ctx.meta[_STEPS] = [param.name for param in order if param.name in ("send", "expect")]
        return super().parse_args(ctx, words)


class _Sending(click.ParamType["Send"]):
    """Text with the escapes of C, or @ and a file."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Send:
        """What is to be sent."""
        import os

        from tlstool.errors import UsageError
        from tlstool.escapes import unescape
        from tlstool.requests import Send

        if value == "@-":
            raise UsageError("usage", "--send cannot read stdin", "--pipe sends stdin")
        if value.startswith("@"):
            return Send(file=value[1:])
        try:
            return Send(unescape(os.fsencode(value)))
        except ValueError as error:
            hint = r"there are \n \r \t \a \b \e \f \v \0 \xHH \NNN \" and \\; write \\ for a backslash"
            raise UsageError("usage", f"--send: {error}", hint) from None


class _Expecting(click.ParamType["Expect"]):
    """A regular expression."""

    name = "regex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Expect:
        """What is to be waited for."""
        import os

        from tlstool.requests import Expect

        return Expect(os.fsencode(value))


data_options = all_of(
    option(
        "-p",
        "--pipe",
        panel="Data",
        is_flag=True,
        help="Relay stdin and stdout; the report goes to stderr.",
    ),
    option("-i", "--interactive", panel="Data", is_flag=True, help="The same for a terminal: a line at a time, Ctrl-D ends it."),
    option(
        "--half-close",
        panel="Data",
        type=OneWord(["notify", "fin", "none"]),
        default="notify",
        show_default=True,
        help="How the peer learns that stdin has ended: by close_notify, by that and TCP's FIN, or not at all. Some servers "
        "(Node.js) drop what they are about to answer unless it is none.",
    ),
    option(
        "--send",
        panel="Data",
        type=_Sending(),
        multiple=True,
        metavar="TEXT|@FILE",
        help=r"Send a text with C's escapes (\r\n), or a file; then print the answer. Repeatable, in order with --expect.",
    ),
    option(
        "--expect",
        panel="Data",
        type=_Expecting(),
        multiple=True,
        metavar="REGEX",
        help="Wait for 10 s until what comes matches; if it never does, fail with 15. Repeatable.",
    ),
    option("--crlf", panel="Data", is_flag=True, help="Send CRLF where a line of stdin or --send ends in LF alone."),
    option(
        "--http",
        panel="Data",
        is_flag=False,
        flag_value="",
        metavar="[PATH]",
        help="GET a path, by default the URL's or /: the head goes to stderr, the body to stdout.",
    ),
    option("--strict-close", panel="Data", is_flag=True, help="Fail if the peer ends without close_notify."),
)


def data_of(options: dict[str, Any]) -> dict[str, Any]:
    """The values of `data_options`, which it takes out of `options`, as the fields of `ConnectRequest`.

    Raises:
        UsageError: two of them contradict each other.
    """
    from tlstool.errors import UsageError
    from tlstool.requests import Send

    reads = options.pop("pipe") | options.pop("interactive")
    taken = next((name for name in ("cert", "key", "pass_file") if options[name] == "-"), None)
    if reads and taken:
        option = f"--{taken.replace('_', '-')}"
        raise UsageError("usage", f"{option} - would take what --pipe and --interactive send", f"name a file: {option} FILE")
    queues = {name: list(options.pop(name)) for name in ("send", "expect")}
    steps = tuple(queues[name].pop(0) for name in click.get_current_context().meta[_STEPS])
    found = {name: options.pop(name) for name in ("half_close", "crlf", "http", "strict_close")}
    if found["http"] is not None and (reads or steps):
        raise UsageError("usage", "--http cannot be mixed with other data", "give either --http or the other options")
    moves = reads or steps or found["http"] is not None
    _check_use(found, reads=reads, sends=any(isinstance(step, Send) for step in steps), moves=bool(moves))
    return {**found, "steps": steps, "relay": _descriptors(reads) if moves else None}


def _check_use(found: dict[str, Any], *, reads: bool, sends: bool, moves: bool) -> None:
    """That the options which say how to move data have some to say it of."""
    from tlstool.errors import UsageError

    if found["half_close"] != "notify" and not reads:
        raise UsageError("usage", "--half-close is about the end of stdin, which is not read", "--pipe or --interactive reads it")
    if found["crlf"] and not (reads or sends):
        raise UsageError(
            "usage", "--crlf is about lines of stdin or --send, and there are none", "--pipe, --interactive or --send"
        )
    if found["strict_close"] and not moves:
        hint = "--pipe, --interactive, --send, --expect or --http reads to it"
        raise UsageError("usage", "--strict-close is about the end of the peer's data, which is not read", hint)


def shows_first(console: Console, listen: OnEvent, *, wanted: bool) -> tuple[OnEvent, list[Event]]:
    """A listener that shows the report before data flows, and the response's head before its body, unless that is not wanted.

    Besides, the list of what it has shown.
    """
    from tlstool.events import Answered, Established
    from tlstool.output.human import connecting, moving

    shown: list[Event] = []

    def on_event(event: Event) -> None:
        if not wanted:
            listen(event)
        elif isinstance(event, Established):
            shown.append(event)
            if text := connecting.connect(event.report, console.err):
                console.aside(text)
        elif isinstance(event, Answered):
            console.aside(moving.response(event.response, console.err))
        else:
            listen(event)

    return on_event, shown


def _descriptors(reads: bool) -> tuple[int | None, int]:
    """stdin, if it is wanted, and stdout; the null device for one that is closed, so that no socket can take its number."""
    import os

    for descriptor in (0, 1):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    return 0 if reads else None, 1
