"""Which proxy leads to which host: as curl has it, from the command line and from the environment."""

from __future__ import annotations

import pytest

from tlstool import proxy
from tlstool.endpoint import parse
from tlstool.errors import UsageError


@pytest.mark.parametrize(
    ("hosts", "host", "exempt"),
    [
        ("*", "example.com", True),
        (" * ", "192.0.2.1", True),
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", True),
        ("example.com", "notexample.com", False),
        ("example.com", "example.com.evil", False),
        (".example.com", "www.example.com", True),
        (".example.com", "example.com", True),
        ("example.com.", "example.com", True),
        ("EXAMPLE.com", "example.COM", True),
        ("local, example.com", "example.com", True),
        ("local example.com", "example.com", True),
        ("local,,example.com,", "example.com", True),
        ("*,example.org", "example.com", False),
        ("*.example.com", "www.example.com", False),
        ("", "example.com", False),
        (",", "example.com", False),
        (".", "example.com", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("192.0.2.0/24", "192.0.2.77", True),
        ("192.0.2.7/24", "192.0.2.77", True),
        ("192.0.2.0/24", "192.0.3.1", False),
        ("2.1", "192.0.2.1", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("[2001:db8::1]", "2001:db8:0::1", True),
        ("192.0.2.0/99", "192.0.2.1", False),
        ("example.com", "192.0.2.1", False),
    ],
)
def test_a_list_of_hosts_is_read_as_by_curl(hosts: str, host: str, exempt: bool) -> None:
    assert proxy.is_exempt(host, hosts) is exempt


@pytest.mark.parametrize(
    ("target", "environment", "expected"),
    [
        ("example.com", {}, None),
        ("example.com", {"HTTPS_PROXY": "http://a:1"}, "http://a:1 of HTTPS_PROXY"),
        ("example.com", {"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}, "http://b:2 of https_proxy"),
        ("example.com", {"https_proxy": "", "HTTPS_PROXY": "http://a:1"}, "http://a:1 of HTTPS_PROXY"),
        ("example.com", {"ALL_PROXY": "socks5h://a"}, "socks5h://a:1080 of ALL_PROXY"),
        ("example.com", {"all_proxy": "socks5h://a", "HTTPS_PROXY": "http://a:1"}, "http://a:1 of HTTPS_PROXY"),
        ("example.com", {"http_proxy": "http://a:1"}, None),
        ("imaps://example.com", {"HTTPS_PROXY": "http://a:1"}, None),
        ("imaps://example.com", {"IMAPS_PROXY": "http://a:1"}, "http://a:1 of IMAPS_PROXY"),
        ("imaps://example.com", {"ALL_PROXY": "http://a:1"}, "http://a:1 of ALL_PROXY"),
        ("example.com", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "example.com"}, None),
        ("www.example.com", {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "a", "no_proxy": "example.com"}, None),
        ("unix:/run/x.sock", {"HTTPS_PROXY": "http://a:1"}, None),
    ],
)
def test_the_environment_names_a_proxy(target: str, environment: dict[str, str], expected: str | None) -> None:
    found = proxy.choose(parse(target), None, None, environment)
    assert (found and f"{found} of {found.origin}") == expected


def test_what_is_given_goes_before_the_environment() -> None:
    environment = {"HTTPS_PROXY": "http://a:1", "NO_PROXY": "example.com"}
    peer = parse("example.com")
    assert proxy.choose(peer, "http://b:2", None, environment) is None
    assert str(proxy.choose(peer, "http://b:2", "other.test", environment)) == "http://b:2"
    assert proxy.choose(parse("other.test"), "", None, environment) is None
    assert proxy.choose(parse("other.test"), None, "*", environment) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy.test:3128", ("http://proxy.test:3128", None, None, True)),
        ("proxy.test:3128", ("http://proxy.test:3128", None, None, True)),
        ("proxy.test", ("http://proxy.test:1080", None, None, True)),
        ("http://proxy.test:3128/", ("http://proxy.test:3128", None, None, True)),
        ("http://[2001:db8::1]:3128", ("http://[2001:db8::1]:3128", None, None, True)),
        ("http://user:pass/word@proxy.test", ("http://proxy.test:1080", "user", "pass/word", True)),
        ("http://user@proxy.test", ("http://proxy.test:1080", "user", None, True)),
        ("http://user:p%40ss:word@proxy.test", ("http://proxy.test:1080", "user", "p@ss:word", True)),
        ("socks5://proxy.test", ("socks5://proxy.test:1080", None, None, False)),
        ("SOCKS5H://proxy.test", ("socks5h://proxy.test:1080", None, None, True)),
        ("socks4://proxy.test", ("socks4://proxy.test:1080", None, None, False)),
        ("socks4a://user@proxy.test", ("socks4a://proxy.test:1080", "user", None, True)),
    ],
)
def test_a_proxy_is_named_by_a_url(url: str, expected: tuple[str, str | None, str | None, bool]) -> None:
    found = proxy.parse(url)
    assert (str(found), found.user, found.password, found.resolves) == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://proxy.test", "over TLS"),
        ("ftp://proxy.test", "no kind of proxy"),
        ("http://", "no host name"),
        ("http://proxy.test:port", "no port"),
        ("http://user%0d%0a:x@proxy.test", "control character"),
        ("http://us%3aer:x@proxy.test", "no colon"),
        (f"socks5h://user:{'x' * 256}@proxy.test", "255"),
        ("socks5h://bücher:x@proxy.test", "ASCII"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_before_anything_is_sent(url: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        proxy.parse(url, "HTTPS_PROXY")
    assert caught.value.code == "bad-proxy"
    assert words in caught.value.message
    assert "HTTPS_PROXY" in caught.value.message


def test_neither_user_nor_password_is_shown() -> None:
    found = proxy.parse("http://alice:secret@proxy.test:3128")
    assert (found.user, found.password) == ("alice", "secret")
    assert "secret" not in f"{found} {found!r}"
    assert "alice" not in str(found)
