"""What people type for a target, and the endpoint that it is."""

from __future__ import annotations

import pytest

from tlstool import endpoint
from tlstool.errors import UsageError
from tlstool.model import Endpoint
from tlstool.schemes import SCHEMES


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("example.com", "example.com:443"),
        ("Example.COM.", "example.com:443"),
        ("example.com:8443", "example.com:8443"),
        ("192.0.2.7:1", "192.0.2.7:1"),
        ("2001:db8::1", "[2001:db8::1]:443"),
        ("[2001:db8::1]:25", "[2001:db8::1]:25"),
        ("bücher.example", "xn--bcher-kva.example:443"),
        ("unix:/run/server.sock", "unix:/run/server.sock"),
        ("unix:///run/server.sock", "unix:/run/server.sock"),
        ("unix:./server.sock", "unix:./server.sock"),
        ("unix:@abstract", "unix:@abstract"),
        ("unix:443", "unix:443"),  # a host of that name
    ],
)
def test_a_target_is_a_host_a_port_or_a_path(target: str, expected: str) -> None:
    assert str(endpoint.parse(target)) == expected


@pytest.mark.parametrize(
    ("url", "place", "starttls"),
    [
        ("https://example.com/path?query#fragment", "example.com:443", None),
        ("HTTPS://user:secret@example.com:8443", "example.com:8443", None),
        ("https://bücher.example", "xn--bcher-kva.example:443", None),
        ("https://[2001:db8::1]/", "[2001:db8::1]:443", None),
        ("smtp://mail.example", "mail.example:25", "smtp"),
        ("smtps://mail.example", "mail.example:465", None),
        ("submission://mail.example", "mail.example:587", "smtp"),
        ("imap://user@mail.example/INBOX", "mail.example:143", "imap"),
        ("imaps://mail.example", "mail.example:993", None),
        ("pop3://mail.example", "mail.example:110", "pop3"),
        ("pop3s://mail.example", "mail.example:995", None),
        ("ftp://files.example/pub", "files.example:21", "ftp"),
        ("ftps://files.example", "files.example:990", None),
        ("ldap://dir.example/dc=example", "dir.example:389", "ldap"),
        ("ldaps://dir.example", "dir.example:636", None),
        ("postgres://user:secret@db.example/orders", "db.example:5432", "postgres"),
        ("postgresql://db.example:5433", "db.example:5433", "postgres"),
        ("mysql://db.example", "db.example:3306", "mysql"),
        ("xmpp://user@chat.example", "chat.example:5222", "xmpp"),
        ("xmpps://chat.example", "chat.example:5223", None),
        ("irc://irc.example/channel", "irc.example:6667", "irc"),
        ("ircs://irc.example", "irc.example:6697", None),
        ("nntp://news.example", "news.example:119", "nntp"),
        ("nntps://news.example", "news.example:563", None),
        ("sieve://mail.example", "mail.example:4190", "sieve"),
        ("rdp://desk.example", "desk.example:3389", "rdp"),
        ("mssql://db.example", "db.example:1433", "mssql"),
    ],
)
def test_a_url_sets_port_and_starttls_and_its_user_and_path_are_left_out(url: str, place: str, starttls: str | None) -> None:
    found = endpoint.parse(url)
    assert (str(found), found.starttls) == (place, starttls)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("https://alice:secret@example.com/a@b", "https://example.com/a@b"),
        ("postgres://alice:s@cret@example.com", "postgres://example.com"),
        ("https://example.com/@alice", "https://example.com/@alice"),
        ("alice@example.com", "alice@example.com"),
    ],
)
def test_a_target_is_shown_without_the_password_in_its_url(target: str, shown: str) -> None:
    assert endpoint.without_user(target) == shown


def test_no_message_has_the_password_of_a_url() -> None:
    with pytest.raises(UsageError) as caught:
        endpoint.parse("postgres://alice:secret@ex ample.com")
    assert "secret" not in caught.value.message


def test_a_port_that_is_asked_for_goes_before_that_of_the_scheme_but_not_before_one_that_is_written() -> None:
    assert endpoint.parse("mail.example", 25).port == 25
    assert endpoint.parse("mail.example:587", 25).port == 587


def test_no_scheme_speaks_tls_at_once_and_later() -> None:
    secure = {name for name in SCHEMES if f"{name}s" in SCHEMES and SCHEMES[name].starttls is None}
    assert secure == set()


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("http://example.com", "did you mean https://?"),
        ("htps://example.com", "did you mean https://?"),
        ("redis://example.com", "did you mean rediss://?"),
        ("gopher+x://example.com", "a target is host"),
        ("unix:/", "unix:/run/server.sock"),
        (f"unix:/{'x' * 200}", ""),
        ("https://", ""),
        ("https://user@", ""),
        ("imap://[::1", "[::1]:443"),
        ("https://example.com:port", "a port is a number"),
    ],
)
def test_a_target_that_makes_no_sense_is_met_with_one_that_does(target: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        endpoint.parse(target)
    assert caught.value.code == "bad-target"
    assert hint in (caught.value.hint or "")


def test_a_socket_has_no_host_to_verify() -> None:
    assert endpoint.parse("unix:/run/x.sock") == Endpoint("", 0, is_address=False, path="/run/x.sock")
