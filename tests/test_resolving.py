"""From names to addresses: those that were given, one family alone, and a name server that was named."""

from __future__ import annotations

import socket

import dns.rcode
import nameservers
import pytest

from tlstool import nameserver, resolve
from tlstool.endpoint import parse
from tlstool.errors import ResolveError, TimeLimitError, UsageError
from tlstool.phases import Deadline
from tlstool.resolve import Lookup, Pin, parse_pin

PATIENCE = 10.0


def found(target: str, how: Lookup) -> list[str]:
    return [str(address[0]) for _, address in resolve.resolve(parse(target), Deadline.after(PATIENCE), how)]


def asking(server: nameservers.NameServer, **more: object) -> Lookup:
    return Lookup(server=("127.0.0.1", server.port), **more)  # type: ignore[arg-type]


# ---- addresses that are given --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("example.com:443:192.0.2.1", Pin("example.com", 443, ("192.0.2.1",))),
        ("Example.com:443:192.0.2.1,192.0.2.2", Pin("example.com", 443, ("192.0.2.1", "192.0.2.2"))),
        ("example.com:443:[2001:db8::1]", Pin("example.com", 443, ("2001:db8::1",))),
        ("example.com:443:2001:db8::1", Pin("example.com", 443, ("2001:db8::1",))),
        ("[2001:db8::9]:443:192.0.2.1", Pin("2001:db8::9", 443, ("192.0.2.1",))),
        ("*:8443:192.0.2.1", Pin("*", 8443, ("192.0.2.1",))),
        ("+example.com:443:192.0.2.1", Pin("example.com", 443, ("192.0.2.1",))),
        ("bücher.example:443:192.0.2.1", Pin("xn--bcher-kva.example", 443, ("192.0.2.1",))),
    ],
)
def test_an_address_is_given_as_to_curl(text: str, pin: Pin) -> None:
    assert parse_pin(text) == pin


@pytest.mark.parametrize(
    "text", ["", "example.com", "example.com:443", "example.com:443:", "example.com:443:nowhere", ":443:::1"]
)
def test_what_is_no_host_port_and_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pin(text)
    assert "HOST:PORT:ADDRESS" in str(caught.value.hint)


def test_a_given_address_counts_for_its_host_and_port_alone_and_goes_before_one_for_any_host() -> None:
    how = Lookup(pins=(parse_pin("*:443:192.0.2.9"), parse_pin("example.com:443:192.0.2.1")))
    assert found("example.com", how) == ["192.0.2.1"]
    assert found("other.test", how) == ["192.0.2.9"]
    assert found("192.0.2.5", how) == ["192.0.2.9"]
    assert resolve.pinned(parse("example.com:8443"), how.pins) is None


def test_the_families_take_turns() -> None:
    pins = (parse_pin("example.com:443:2001:db8::1,2001:db8::2,192.0.2.1,192.0.2.2,192.0.2.3"),)
    assert found("example.com", Lookup(pins)) == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"]


@pytest.mark.parametrize(("family", "address"), [("ipv4", "192.0.2.1"), ("ipv6", "2001:db8::1")])
def test_one_family_alone_is_taken(family: resolve.Family, address: str) -> None:
    pins = (parse_pin("example.com:443:2001:db8::1,192.0.2.1"),)
    assert found("example.com", Lookup(pins, family=family)) == [address]


@pytest.mark.parametrize(
    ("family", "target", "words"), [("ipv4", "::1", "no IPv4 address"), ("ipv6", "127.0.0.1", "no IPv6 address")]
)
def test_an_address_of_the_other_family_is_none(family: resolve.Family, target: str, words: str) -> None:
    with pytest.raises(ResolveError) as caught:
        found(target, Lookup(family=family))
    assert caught.value.code == "wrong-family"
    assert words in caught.value.message


@pytest.mark.parametrize(("family", "number"), [("ipv4", socket.AF_INET), ("ipv6", socket.AF_INET6)])
def test_the_systems_resolver_is_asked_for_one_family_alone(
    monkeypatch: pytest.MonkeyPatch, family: resolve.Family, number: int
) -> None:
    def none_of_it(_host: object, _port: object, wanted: int, *_: object, **__: object) -> list[object]:
        assert wanted == number
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", none_of_it)
    with pytest.raises(ResolveError) as caught:
        found("some.test", Lookup(family=family))
    assert caught.value.code == "wrong-family"


# ---- a name server -------------------------------------------------------------------------------


def test_a_name_server_is_asked_for_both_families() -> None:
    records = {"www.test A": "192.0.2.1 192.0.2.2", "www.test AAAA": "2001:db8::1"}
    with nameservers.serving(nameservers.zone(records)) as server:
        first, *others = found("www.test", asking(server))
    assert (first, set(others)) == ("2001:db8::1", {"192.0.2.1", "192.0.2.2"})
    assert sorted(server.asked) == ["www.test A over UDP", "www.test AAAA over UDP"]


def test_a_name_server_is_asked_for_one_family_alone() -> None:
    records = {"www.test A": "192.0.2.1", "www.test AAAA": "2001:db8::1"}
    with nameservers.serving(nameservers.zone(records)) as server:
        assert found("www.test", asking(server, family="ipv4")) == ["192.0.2.1"]
    assert server.asked == ["www.test A over UDP"]


def test_a_name_with_one_family_is_found_by_it() -> None:
    with nameservers.serving(nameservers.zone({"www.test A": "192.0.2.1"})) as server:
        assert found("www.test", asking(server)) == ["192.0.2.1"]
        with pytest.raises(ResolveError) as caught:
            found("www.test", asking(server, family="ipv6"))
    assert caught.value.code == "wrong-family"


def test_aliases_are_followed_also_where_the_server_does_not() -> None:
    records = {"www.test CNAME": "web.test", "web.test CNAME": "host.test", "host.test A": "192.0.2.1"}
    recursive = nameservers.zone(records)

    def one_step(question: object, tcp: bool) -> object:
        reply = recursive(question, tcp)  # type: ignore[arg-type]
        assert reply is not None
        del reply.answer[1:]
        return reply

    for answer in (recursive, one_step):
        with nameservers.serving(answer) as server:  # type: ignore[arg-type]
            assert found("www.test", asking(server, family="ipv4")) == ["192.0.2.1"]


def test_aliases_that_go_round_in_a_ring_are_an_error() -> None:
    step = {"a.test CNAME": "b.test", "b.test CNAME": "a.test"}

    def answer(question: object, tcp: bool) -> object:
        reply = nameservers.zone(step)(question, tcp)  # type: ignore[arg-type]
        assert reply is not None
        del reply.answer[1:]
        return reply

    with nameservers.serving(answer) as server, pytest.raises(ResolveError) as caught:  # type: ignore[arg-type]
        found("a.test", asking(server))
    assert caught.value.code == "resolver-failed"


def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    whole = nameservers.zone({"www.test A": " ".join(f"192.0.2.{number}" for number in range(1, 255))})
    with nameservers.serving(nameservers.truncating(whole)) as server:
        assert len(found("www.test", asking(server, family="ipv4"))) == 254
    assert server.asked == ["www.test A over UDP", "www.test A over TCP"]


def test_a_name_that_is_not_there_is_told_from_a_server_that_fails() -> None:
    with nameservers.serving(nameservers.zone({})) as server, pytest.raises(ResolveError) as caught:
        found("www.test", asking(server))
    assert caught.value.code == "unknown-host"
    for rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED):
        with nameservers.serving(nameservers.fails(rcode)) as server, pytest.raises(ResolveError) as caught:
            found("www.test", asking(server))
        assert caught.value.code == "resolver-failed"
        assert dns.rcode.to_text(rcode) in caught.value.message


def test_a_name_server_that_cannot_be_asked_is_said_so() -> None:
    with pytest.raises(ResolveError) as caught:
        found("www.test", Lookup(server=("255.255.255.255", 53)))  # nobody may send there without saying that it is meant
    assert caught.value.code == "resolver-failed"
    assert "cannot be asked: permission denied" in caught.value.message


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_where_no_name_server_listens_is_told_at_once(address: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    with pytest.raises(ResolveError) as caught:
        resolve.resolve(parse("www.test"), Deadline.after(10.0), Lookup(server=(address, port)))
    assert caught.value.code == "resolver-failed"
    assert "cannot be asked: connection refused" in caught.value.message


def test_a_silent_name_server_is_left_at_the_limit() -> None:
    with nameservers.serving(nameservers.silent) as server, pytest.raises(TimeLimitError):
        resolve.resolve(parse("www.test"), Deadline.after(0.3), asking(server))


def test_other_records_can_be_asked_for() -> None:
    records = {"_443._tcp.www.test CNAME": "pins.test", "www.test A": "192.0.2.1"}
    with nameservers.serving(nameservers.zone(records)) as server:
        place = ("127.0.0.1", server.port)
        answer = nameserver.ask("www.test", "A", Deadline.after(PATIENCE), place)
        assert answer is not None
        assert [record.address for record in answer] == ["192.0.2.1"]
        assert nameserver.ask("www.test", "HTTPS", Deadline.after(PATIENCE), place) is None


def test_a_name_server_without_an_address_is_not_taken_for_the_target() -> None:
    with pytest.raises(ResolveError) as caught:
        resolve.parse_server("nosuch.invalid", Deadline.after(PATIENCE))
    assert caught.value.message.startswith("the name server of --dns: nosuch.invalid ")
    assert "--dns 192.0.2.53" in (caught.value.hint or "")


def test_a_name_server_is_an_address_with_a_port_or_without_or_a_name() -> None:
    soon = Deadline.after(PATIENCE)
    assert resolve.parse_server("192.0.2.53", soon) == ("192.0.2.53", 53)
    assert resolve.parse_server("[2001:db8::53]:5353", soon) == ("2001:db8::53", 5353)
    assert resolve.parse_server("localhost:5353", soon)[1] == 5353
    with pytest.raises(UsageError):
        resolve.parse_server("192.0.2.53:dns", soon)
