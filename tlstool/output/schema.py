"""JSON Schema (2020-12) of what `--json` prints, made from the dataclasses: their types, and the words of their docstrings."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tlstool.output import jsonout
from tlstool.reports import Problem, Report

COMMANDS: tuple[str, ...] = (*jsonout.REPORTS, "serve")
"""The commands that have a schema."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_ENVELOPE_WORDS = {
    "schema": "the name of this schema and its version, which changes when the meaning of a key does",
    "version": "of tlstool",
    "ok": "whether nothing was wrong: `error` is null",
    "exit_status": "of the process, see `tlstool help exit-codes`",
}


def schema(command: str) -> dict[str, Any]:
    """The schema of what a command prints under `--json`; for `serve`, of one line of it."""
    definitions: dict[str, Any] = {}
    title = jsonout.schema_name(command)
    head = {"$schema": _DIALECT, "title": title}
    if command == "serve":
        return head | {"oneOf": _events(title, definitions), "$defs": _sorted(definitions)}
    cls = jsonout.REPORTS[command]
    body = _object(cls, definitions)
    properties = _envelope(title) | body["properties"]
    for field in fields(cls):
        # A command line that could not be read names no target, nor what else a report has to have.
        if field.default is MISSING and field.default_factory is MISSING:
            properties[field.name] = _nullable(properties[field.name])
    return head | _closed(properties, _summary(cls)) | {"$defs": _sorted(definitions)}


def attribute_words(cls: type) -> dict[str, str]:
    """What a dataclass's docstring says of each field, those of its bases included. Fields listed together share their words."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        doc = inspect.cleandoc(base.__doc__ or "")
        _, _, section = doc.partition("Attributes:\n")
        for names, words in re.findall(r"^    ([a-z0-9_, ]+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), _in_json(words))
    return found


def _events(title: str, definitions: dict[str, Any]) -> list[dict[str, Any]]:
    schemas = []
    for cls, name in jsonout.EVENT_NAMES.items():
        properties = _event_head(name, title) | _object(cls, definitions)["properties"]
        schemas.append(_closed(properties, _summary(cls)))
    last_words = {
        "exit_status": {"type": "integer", "description": _ENVELOPE_WORDS["exit_status"]},
        "error": _type(Problem, definitions),
    }
    return [*schemas, _closed(_event_head("error", title) | last_words, "Why the server ends, or did not start.")]


def _event_head(name: str, title: str) -> dict[str, Any]:
    return {"event": {"const": name}, "schema": {"const": title}}


def _envelope(title: str) -> dict[str, Any]:
    return {
        "schema": {"const": title, "description": _ENVELOPE_WORDS["schema"]},
        "version": {"type": "string", "description": _ENVELOPE_WORDS["version"]},
        "ok": {"type": "boolean", "description": _ENVELOPE_WORDS["ok"]},
    }


def _object(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    words = attribute_words(cls)
    hints = get_type_hints(cls)
    properties = {}
    for field in fields(cls):
        properties[field.name] = _type(hints[field.name], definitions)
        if field.name in words:
            properties[field.name]["description"] = words[field.name]
    return _closed(properties, _summary(cls))


def _closed(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _type(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_type(argument, definitions) for argument in arguments]}
    if origin is tuple and arguments[1:] == (...,):
        return {"type": "array", "items": _type(arguments[0], definitions)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1], definitions)}
    if is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # so that a class that holds itself comes to an end
            definitions[hint.__name__] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    raise TypeError(f"no JSON Schema for {hint!r}")


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    words = {"description": schema["description"]} if "description" in schema else {}
    bare = {key: value for key, value in schema.items() if key != "description"}
    return {"anyOf": [bare, {"type": "null"}]} | words


def _in_json(words: str) -> str:
    return re.sub(r"\bNone\b", "null", re.sub(r"\s+", " ", words).rstrip("."))


def _summary(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or Report.__doc__ or "").partition("\n")[0]


def _sorted(definitions: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(definitions.items()))
