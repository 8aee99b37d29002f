"""The printing rules of the program, and the one place that knows its streams.

1. stdout carries the result and nothing else: the report, the JSON, a server's lines, or the peer's bytes in a relay.
2. stderr carries all the rest: errors with their hints, warnings, notes, the trace of -v, progress.
3. `error:` and `hint:` begin a line each; a message is lower-case, has no full stop, and fits on its line.
4. -q silences all but the result that was asked for in so many words (`--json`) and errors.
5. Colour by --color, then FORCE_COLOR, NO_COLOR, TERM=dumb, and last whether the stream is a terminal, each stream by itself.
6. Progress is for terminals; it rewrites its own line and is gone before anything else is printed.
7. Text that came from outside goes through `safe`: no peer writes to a terminal.
8. A stream that cannot encode a character gets its ASCII stand-in.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Literal, TextIO

ColorChoice = Literal["auto", "always", "never"]

_STAND_INS = {"…": "...", "µ": "u", "±": "~"} | dict.fromkeys("█▉▊▋▌", "#") | dict.fromkeys("▍▎▏", " ")
_CLEAR_LINE = "\r\x1b[K"


def safe(text: str) -> str:
    """`text` with everything that is not plainly visible written as an escape.

    That is what `str.isprintable` calls so: control characters (C0, DEL, C1), format characters (bidirectional overrides, zero
    width ones, tags), lone surrogates, line and paragraph separators, and all spaces but the usual one.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def colored(choice: ColorChoice, *, terminal: bool) -> bool:
    """Whether to use colour on a stream that is a terminal or not (force-color.org, no-color.org)."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("FORCE_COLOR"):
        return True
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return terminal


class Style:
    """How text is emphasised on one stream: in colour, or not at all.

    Attributes:
        color: whether the stream gets colour.
        columns: how wide the terminal is that the stream goes to; None for a file or a pipe, whose lines are as long as they are.
    """

    def __init__(self, *, color: bool, columns: int | None = None) -> None:
        self.color = color
        self.columns = columns

    def good(self, text: str) -> str:
        """All is well."""
        return self._sgr("32", text)

    def warn(self, text: str) -> str:
        """Look at this soon."""
        return self._sgr("33", text)

    def bad(self, text: str) -> str:
        """This is wrong."""
        return self._sgr("1;31", text)

    def label(self, text: str) -> str:
        """What stands before a fact."""
        return self._sgr("2", text)

    def strong(self, text: str) -> str:
        """A heading, or the figure that matters."""
        return self._sgr("1", text)

    def _sgr(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text


class Console:
    """stdout and stderr, under the rules above.

    Attributes:
        out, err: the styles of the two streams.
        quiet: whether only errors are printed.
        verbose: how often -v was given.

    Every method raises BrokenPipeError if nobody reads any more, and OSError for a full disk.
    """

    def __init__(
        self, stdout: TextIO, stderr: TextIO, *, color: ColorChoice = "auto", quiet: bool = False, verbose: int = 0
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self.quiet = quiet
        self.verbose = verbose
        self._in_progress = False
        self.color_by(color)

    def color_by(self, choice: ColorChoice) -> None:
        """Decide about colour again."""
        self.out = _style(choice, self._stdout)
        self.err = _style(choice, self._stderr)

    def result(self, text: str) -> None:
        """What the user asked for, to stdout."""
        self._put(self._stdout, text + "\n")

    def aside(self, text: str) -> None:
        """A result that had to leave stdout to the peer's bytes, to stderr."""
        self._put(self._stderr, text + "\n")

    def error(self, message: str, hint: str | None = None) -> None:
        """A cause, and what to do about it."""
        lines = [f"{self.err.bad('error:')} {safe(message)}"]
        if hint:
            lines.append(f"{self.err.strong('hint:')} {safe(hint)}")
        self._put(self._stderr, "\n".join(lines) + "\n")

    def warn(self, message: str) -> None:
        """What the user should know besides."""
        if not self.quiet:
            self._put(self._stderr, f"{self.err.warn('warning:')} {safe(message)}\n")

    def note(self, message: str) -> None:
        """What goes on, for people who watch."""
        if not self.quiet:
            self._put(self._stderr, safe(message) + "\n")

    def trace(self, message: str) -> None:
        """A step on the way, for -v."""
        if self.verbose and not self.quiet:
            self._put(self._stderr, f"{self.err.label('*')} {safe(message)}\n")

    def shows_progress(self) -> bool:
        """Whether there is a place where a line can be rewritten, and somebody who wants to see it."""
        return not self.quiet and self._stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")

    def progress(self, message: str) -> None:
        """Where a long run is; each call replaces the one before."""
        if not self.shows_progress():
            return
        self._in_progress = True
        self._stderr.write(_CLEAR_LINE + _encodable(self._stderr, safe(message)[: _columns()]))
        self._stderr.flush()

    def clear(self) -> None:
        """Take progress away, for an end without a word."""
        if self._in_progress:
            self._in_progress = False
            self._stderr.write(_CLEAR_LINE)
            self._stderr.flush()

    def abandon(self) -> None:
        """Nobody reads any more, though nobody has closed the streams: what waits to be written goes nowhere."""
        null = os.open(os.devnull, os.O_WRONLY)
        for stream in (self._stdout, self._stderr):
            # A stream of another kind has no descriptor, and never waits.
            with suppress(OSError, ValueError):
                os.dup2(null, stream.fileno())
        os.close(null)

    def _put(self, stream: TextIO, text: str) -> None:
        self.clear()
        stream.write(_encodable(stream, text))
        stream.flush()


def _style(choice: ColorChoice, stream: TextIO) -> Style:
    terminal = stream.isatty()
    return Style(color=colored(choice, terminal=terminal), columns=_columns() if terminal else None)


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _encodable(stream: TextIO, text: str) -> str:
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for character, stand_in in _STAND_INS.items():
            text = text.replace(character, stand_in)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _columns() -> int:
    """The columns of the terminal but the last, in which some begin a new line."""
    from shutil import get_terminal_size

    return get_terminal_size().columns - 1
