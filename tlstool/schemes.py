"""The URL schemes of peers that speak TLS: the port of each, and by which protocol it turns to TLS if not from the first byte.

No I/O, and nothing of how such a protocol goes.
"""

from __future__ import annotations

from tlstool.record import Record


class Scheme(Record):
    """A scheme of the IANA registry, or one that everybody uses.

    Attributes:
        port: its default.
        starttls: the protocol that has to be spoken before the handshake; None where TLS is spoken from the first byte.
    """

    port: int
    starttls: str | None = None


SCHEMES: dict[str, Scheme] = {
    "https": Scheme(443),
    "wss": Scheme(443),
    "tls": Scheme(443),
    "smtp": Scheme(25, "smtp"),
    "submission": Scheme(587, "smtp"),
    "smtps": Scheme(465),
    "submissions": Scheme(465),
    "lmtp": Scheme(24, "lmtp"),
    "imap": Scheme(143, "imap"),
    "imaps": Scheme(993),
    "pop3": Scheme(110, "pop3"),
    "pop": Scheme(110, "pop3"),
    "pop3s": Scheme(995),
    "pops": Scheme(995),
    "sieve": Scheme(4190, "sieve"),
    "ftp": Scheme(21, "ftp"),
    "ftps": Scheme(990),
    "ldap": Scheme(389, "ldap"),
    "ldaps": Scheme(636),
    "postgres": Scheme(5432, "postgres"),
    "postgresql": Scheme(5432, "postgres"),
    "mysql": Scheme(3306, "mysql"),
    "mariadb": Scheme(3306, "mysql"),
    "mssql": Scheme(1433, "mssql"),
    "sqlserver": Scheme(1433, "mssql"),
    "xmpp": Scheme(5222, "xmpp"),
    "xmpps": Scheme(5223),
    "irc": Scheme(6667, "irc"),
    "ircs": Scheme(6697),
    "nntp": Scheme(119, "nntp"),
    "news": Scheme(119, "nntp"),
    "nntps": Scheme(563),
    "snews": Scheme(563),
    "telnet": Scheme(23, "telnet"),
    "telnets": Scheme(992),
    "rdp": Scheme(3389, "rdp"),
    "amqps": Scheme(5671),
    "mqtts": Scheme(8883),
    "rediss": Scheme(6379),
    "sips": Scheme(5061),
}

_WITHOUT_TLS = {"http": "https", "ws": "wss", "amqp": "amqps", "mqtt": "mqtts", "redis": "rediss", "sip": "sips"}


FORMS = "a target is host, host:port, [v6]:port, unix:/path or a URL: https://host"
"""How a target can be written."""


def hint(scheme: str) -> str:
    """What to write instead of a scheme that is none of ours."""
    if scheme in _WITHOUT_TLS:
        return f"{scheme}:// is without TLS: did you mean {_WITHOUT_TLS[scheme]}://?"
    import difflib

    near = difflib.get_close_matches(scheme, SCHEMES, n=1)
    return f"did you mean {near[0]}://?" if near else FORMS
