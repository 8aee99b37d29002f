"""A manual page a command, in the man(7) macros, from what the command knows of itself. Writes no file."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from tlstool.output.exitcodes import exit_statuses

_ESCAPES = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "`": r"\(ga"}

_UNHYPHENATED = r"\%"

_TRUST_ENVIRONMENT = (
    ("SSL_CERT_FILE", "A file with the certificates to trust, for --roots system."),
    ("SSL_CERT_DIR", "Folders with the certificates to trust, for --roots system."),
)
_KEYLOG_ENVIRONMENT = (("SSLKEYLOGFILE", "The file of --keylog, where that is not given."),)
_ENVIRONMENT = (
    ("FORCE_COLOR", "If not empty: colour, also where there is no terminal. --color goes before it."),
    ("NO_COLOR", "If not empty: no colour."),
    ("TLSTOOL_DEBUG", "If 1: a traceback when tlstool itself fails, like --debug."),
)


def pages(program: click.Group, release: str, date: str) -> dict[str, str]:
    """The pages by name, such as `tlstool-bench-local`. `help` and `completions` have none: tlstool(1) says what they do."""
    with click.Context(program, info_name="tlstool", auto_envvar_prefix="TLSTOOL", **_settings(program)) as root:
        contexts = dict(_contexts(root))
        return {name: _page(name, ctx, list(contexts), release, date) for name, ctx in contexts.items()}


def _settings(command: click.Command) -> dict[str, Any]:
    return {"help_option_names": command.context_settings["help_option_names"]}


def _contexts(ctx: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield ctx.command_path.replace(" ", "-"), ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            command = ctx.command.get_command(ctx, name)
            if command is not None and name not in ("help", "completions"):
                yield from _contexts(click.Context(command, info_name=name, parent=ctx))


def _page(name: str, ctx: click.Context, names: list[str], release: str, date: str) -> str:
    command = ctx.command
    summary = command.get_short_help_str(200).rstrip(".")
    lines = [
        '.\\" Made by tools/generate.py; change the command instead.',
        f'.TH {name.upper()} 1 {date} "tlstool {release}" "User Commands"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(summary[:1].lower() + summary[1:] if not summary.startswith('TLS') else summary)}",
        ".SH SYNOPSIS",
        f".B {_text(ctx.command_path)}",
        _text(" ".join(command.collect_usage_pieces(ctx))),
        ".SH DESCRIPTION",
        *_description(command),
        *_arguments(ctx),
        *_options(ctx),
        *_commands(ctx),
        *_examples(command),
        *_environment(ctx),
        *_exit_status(ctx),
        *_files(command),
        *_translation(command),
        ".SH SEE ALSO",
        *_see_also([other for other in names if other != name]),
    ]
    return "\n".join(lines) + "\n"


def _description(command: click.Command) -> list[str]:
    """The paragraphs of the help text, but not the examples that the program's own has in it."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    words = [_prose(" ".join(paragraph.split())) for paragraph in paragraphs if not paragraph.startswith("\b")]
    return "\n.PP\n".join(words).split("\n")


def _arguments(ctx: click.Context) -> list[str]:
    arguments = [param for param in ctx.command.params if isinstance(param, click.Argument)]
    if not arguments:
        return []
    lines = [".SH ARGUMENTS"]
    for argument in arguments:
        metavar, words = argument.get_help_record(ctx)
        lines += [".TP", f"\\fI{_text(metavar)}\\fR", _prose(words)]
    return lines


def _options(ctx: click.Context) -> list[str]:
    lines = [".SH OPTIONS"]
    panels: dict[str, list[click.Parameter]] = (
        ctx.command.panels(ctx)
        if hasattr(ctx.command, "panels")
        else {"": [param for param in ctx.command.get_params(ctx) if isinstance(param, click.Option)]}
    )
    for panel, params in panels.items():
        lines += [f".SS {panel}"] if panel and len(panels) > 1 else []
        for param in params:
            record = param.get_help_record(ctx)
            if record:
                lines += [".TP", _option(record[0]), _prose(record[1])]
    return lines


def _option(spec: str) -> str:
    """`-p, --pipe` or `--ca FILE`, with what is typed as it is in bold."""
    shown = []
    for part in spec.split(", "):
        name, _, value = part.partition(" ")
        shown.append(f"\\fB{_text(name)}\\fR" + (f" \\fI{_text(value)}\\fR" if value else ""))
    return ", ".join(shown)


def _commands(ctx: click.Context) -> list[str]:
    if not isinstance(ctx.command, click.Group):
        return []
    lines = [".SH COMMANDS"]
    for name in ctx.command.list_commands(ctx):
        command = ctx.command.get_command(ctx, name)
        if command is not None:
            lines += [".TP", f"\\fB{_text(name)}\\fR", _prose(command.get_short_help_str(200))]
    return lines


def _examples(command: click.Command) -> list[str]:
    examples = getattr(command, "examples", ()) or _examples_in(command.help or "")
    lines = [".SH EXAMPLES"]
    for command_line, words in examples:
        lead = words[:1].upper() + words[1:] + ("" if words.endswith("?") else ":")
        lines += [".TP", _prose(lead), f"\\fBtlstool {_text(command_line)}\\fR"]
    return lines if examples else []


def _examples_in(text: str) -> list[tuple[str, str]]:
    """The examples that stand in a help text, as a comment and a command line each."""
    return [(line, words) for words, line in re.findall(r"^ *# (.+)\n *tlstool (.+)$", text, re.MULTILINE)]


def _environment(ctx: click.Context) -> list[str]:
    known = list(_ENVIRONMENT)
    options = [param for param in ctx.command.params if isinstance(param, click.Option) and param.expose_value]
    if ctx.info_name in ("connect", "serve"):
        known = [*_KEYLOG_ENVIRONMENT, *known]
    if any("--roots" in option.opts for option in options):
        known = [*_TRUST_ENVIRONMENT, *known]
    lines = [".SH ENVIRONMENT"]
    for name, words in known:
        lines += [".TP", f"\\fB{name}\\fR", _prose(words)]
    taken = [(f"{ctx.auto_envvar_prefix}_{(option.name or '').upper()}", max(option.opts, key=len)) for option in options]
    if taken:
        variable, flag = taken[0]
        lines += [
            ".PP",
            _prose(f"Every option can be given as a variable, too; the command line goes before it: {variable} is {flag}."),
        ]
    return lines


def _exit_status(ctx: click.Context) -> list[str]:
    lines = [".SH EXIT STATUS"]
    if ctx.parent is not None and ctx.info_name != "connect":
        return [*lines, "See the table in", ".BR tlstool (1)."]
    for status, meaning, codes in exit_statuses():
        lines += [".TP", f"\\fB{status}\\fR", _prose(meaning)]
        lines += [".br", f"\\fI{', '.join(_UNHYPHENATED + _text(code) for code in codes)}\\fR"] if codes else []
    return lines


def _files(command: click.Command) -> list[str]:
    files = getattr(command, "files", ())
    lines = [".SH FILES"]
    for name, words in files:
        lines += [".TP", f"\\fI{_text(name)}\\fR", _prose(words[:1].upper() + words[1:] + ".")]
    return lines if files else []


def _translation(command: click.Command) -> list[str]:
    """What people type who come from `openssl s_client`."""
    translation: dict[str, str] = getattr(command, "from_openssl", {})
    lines = [".SH TRANSLATION", "What an option of", ".B openssl s_client", "is called here:"]
    for theirs, ours in translation.items():
        lines += [".TP 28", f"\\fB{_text(theirs)}\\fR", _text(ours)]
    return lines if translation else []


def _see_also(names: list[str]) -> list[str]:
    return [f".BR {_text(name)} (1){',' if name != names[-1] else ''}" for name in names]


def _prose(text: str) -> str:
    """Words, with `code` in bold, and never a line that looks like a macro."""
    parts = re.split(r"`([^`]+)`", text)
    shown = "".join(f"\\fB{_text(part)}\\fR" if place % 2 else _text(part) for place, part in enumerate(parts))
    return shown if shown[:1] not in (".", "'") else rf"\&{shown}"


def _text(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
