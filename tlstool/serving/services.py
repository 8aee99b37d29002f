"""What clients get: from the request to what a backend has to know."""

from __future__ import annotations

import os

from tlstool import files
from tlstool.errors import LocalError, UsageError
from tlstool.requests import ServeRequest
from tlstool.serving import forwarding
from tlstool.sites import Service


def service(request: ServeRequest) -> Service:
    """The service, with what it needs from files.

    Raises:
        UsageError: the mode wants something, and there is none of it, or what is asked for makes no sense together.
        LocalError: a file is no good.
        ResolveError, TimeLimitError: as `forwarding.forward`.
    """
    upstream = forwarding.forward(request)
    if upstream:
        return Service("forward", forward=upstream)
    content = None
    if request.mode == "respond":
        content = files.read(_wanted(request.respond, "respond", "a file"))
    if request.mode == "files":
        _check_folder(_wanted(request.folder, "files", "a folder"))
    # A file of secrets has no looks of its own to know it by.
    withheld = tuple(path for path in (*request.key, *request.ticket_key, request.keylog, request.pass_file) if path)
    return Service(request.mode, size=request.size, folder=request.folder, content=content, withheld=withheld)


def _wanted(path: str | None, mode: str, what: str) -> str:
    if path is None:
        raise UsageError("usage", f"the mode {mode} needs {what}")
    return path


def _check_folder(path: str) -> None:
    if not os.path.exists(path):
        raise LocalError("file-missing", f"{path} does not exist")
    if not os.path.isdir(path):
        raise LocalError("file-unreadable", f"{path} is no folder", "give the folder that the file is in")
