"""How long `serve` lives, and how much it does at once."""

from __future__ import annotations

from ._command import option
from ._options import all_of
from ._types import Duration, Whole

life_options = all_of(
    option("--threads", panel="Server", type=Whole(1, 1024), metavar="N", help="Worker threads; one a core by default."),
    option("--count", panel="Server", type=Whole(min=1), metavar="N", help="Stop after so many connections."),
    option("--duration", panel="Server", type=Duration(), metavar="TIME", help="Stop after so long."),
    option(
        "--grace",
        panel="Server",
        type=Duration(zero=True),
        default="5s",
        show_default=True,
        metavar="TIME",
        help="What open connections have to end when the server stops.",
    ),
)
