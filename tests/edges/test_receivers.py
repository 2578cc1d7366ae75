"""Posting to an address that somebody has named: over real sockets, and never into a private network."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from local.azurite.certificate import write_certificate
from shared.clock import Clock
from shared.errors import NotReceived
from shared.outbound import bounded
from shared.outbound.receivers import Receivers, is_public
from tests.support.receiver import Receiver, receiving

PRIVATE_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4", "168.63.129.16/32",
]  # fmt: skip
PRIVATE_6 = [
    "::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "100::/64", "2001:db8::/32", "2001::/32",
    "2002::/16", "3fff::/20",
]  # fmt: skip
# Prefixes that hold an IPv4 address in their last 32 bits: compatible, mapped, translated, NAT64 (two).
EMBEDDING = ["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"]

in_private_4 = st.sampled_from(PRIVATE_4).flatmap(lambda net: st.ip_addresses(network=net))
in_private_6 = st.sampled_from(PRIVATE_6).flatmap(lambda net: st.ip_addresses(network=net))


def spellings(address: IPv4Address) -> list[str]:
    """As a browser and getaddrinfo read it: dotted, one number, octal, hexadecimal, with parts left out."""
    number, parts = int(address), address.packed
    return [
        str(address),
        str(number),
        hex(number),
        ".".join(f"0{part:o}" for part in parts),
        ".".join(hex(part) for part in parts),
        f"{parts[0]}.{int.from_bytes(parts[1:])}",
        f"{parts[0]}.{parts[1]}.{int.from_bytes(parts[2:])}",
        f"[::ffff:{address}]",
    ]


@given(in_private_4 | in_private_6)
def test_no_private_address_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4), st.sampled_from(EMBEDDING))
def test_no_address_that_holds_another_one_is_public(held: IPv4Address, prefix: str) -> None:
    assert not is_public(IPv6Address(int(IPv6Address(prefix)) + int(held)))


@pytest.mark.parametrize(
    "address", ["20.210.0.1", "52.98.0.1", "1.1.1.1", "2603:1030::1", "2606:4700:4700::1111"]
)
def test_addresses_on_the_internet_are_public(address: str) -> None:
    kind = IPv6Address if ":" in address else IPv4Address
    assert is_public(kind(address))


@given(in_private_4, st.data())
def test_a_private_address_is_refused_however_it_is_spelt(address: IPv4Address, data: st.DataObject) -> None:
    url = f"https://{data.draw(st.sampled_from(spellings(address)))}:9/"
    receivers = Receivers(Clock(), loopback=False)

    for sending in (receivers.check(url), receivers.post(url, b"{}", {})):
        with pytest.raises(NotReceived) as refused:
            asyncio.run(sending)
        assert refused.value.sentence in ("receiver.notPublic", "receiver.noName")


@given(
    in_private_4.filter(lambda address: not address.is_loopback)
    | in_private_6.filter(lambda a: not a.is_loopback)
)
def test_for_development_loopback_alone_is_let_through(address: IPv4Address | IPv6Address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    with pytest.raises(NotReceived):
        asyncio.run(Receivers(Clock(), loopback=True).check(f"https://{host}/"))


@pytest.mark.parametrize(
    "url", ["", "https://", "https:///x", "file:///etc/passwd", "gopher://1.1.1.1/", "//1.1.1.1"]
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(NotReceived):
        await Receivers(Clock(), loopback=True).post(url, b"{}", {})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


class Names:
    """Answers each question about a name with the next of its answers; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        loop = asyncio.get_running_loop()
        real = loop.getaddrinfo

        async def answer(host: str, port: int, **options: int) -> list[tuple[object, ...]]:
            if host not in self.answers:
                return [*await real(host, port, **options)]
            self.asked.append(host)
            known = self.answers[host]
            found = known.pop(0) if len(known) > 1 else known[0]
            return [info for address in found for info in await real(address, port, **options)]

        monkeypatch.setattr(loop, "getaddrinfo", answer)


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A DNS of one's own, for the names that are put into it."""
    return Names(monkeypatch)


async def test_the_connection_goes_to_the_address_that_was_looked_at(
    names: Names, receiver: Receiver
) -> None:
    """A name that leads elsewhere a moment later (DNS rebinding) is not asked again."""
    names.answers["receiver.test"] = [["127.0.0.1"], ["10.0.0.1"]]
    url = receiver.url.replace("127.0.0.1", "receiver.test")

    assert await Receivers(Clock(), loopback=True).post(url, b"{}", {"x-one": "1"}) == 204

    (one,) = receiver.received
    assert names.asked == ["receiver.test"]
    assert one.headers["Host"] == url.split("/")[2]
    assert one.headers["x-one"] == "1"


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["1.1.1.1", "::1"]]
)
async def test_one_bad_address_of_a_name_is_enough(
    names: Names, receiver: Receiver, addresses: list[str]
) -> None:
    names.answers["receiver.test"] = [addresses]
    url = receiver.url.replace("127.0.0.1", "receiver.test")

    with pytest.raises(NotReceived, match=r"notPublic|insecure"):
        await Receivers(Clock(), loopback="10.0.0.1" in addresses).post(url, b"{}", {})

    assert receiver.received == []


async def test_the_next_address_is_tried_where_nothing_listens(names: Names, receiver: Receiver) -> None:
    names.answers["receiver.test"] = [["127.0.0.2", "127.0.0.1"]]
    url = receiver.url.replace("127.0.0.1", "receiver.test")

    assert await Receivers(Clock(), loopback=True).post(url, b"{}", {}) == 204


async def test_the_certificate_must_be_the_names_own(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = write_certificate(tmp_path, x509.DNSName("receiver.test"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    # Else they are read once a process.
    monkeypatch.setattr(bounded, "_trusted", httpx.create_ssl_context)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    names.answers = {"receiver.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]}
    receivers = Receivers(Clock(), loopback=True)

    async with receiving(tls) as receiver:
        there = receiver.url.replace("127.0.0.1", "receiver.test")
        assert await receivers.post(there, b"{}", {}) == 204
        for wrong in (receiver.url, receiver.url.replace("127.0.0.1", "other.test")):
            with pytest.raises(NotReceived, match="unreachable"):
                await receivers.post(wrong, b"{}", {})

    assert len(receiver.received) == 1


async def test_a_redirect_is_no_success_and_leads_nowhere(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": receiver.url}

    with pytest.raises(NotReceived) as refused:
        await Receivers(Clock(), loopback=True).post(receiver.url, b"{}", {})

    assert refused.value.parameters == {"answer": 307}
    assert len(receiver.received) == 1


async def test_the_most_verbose_log_does_not_have_the_address(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await Receivers(Clock(), loopback=True).post(receiver.url, b"{}", {"authorization": "a-secret-header"})

    assert "send_request_headers" in caplog.text
    assert "a-long-secret" not in caplog.text
    assert "a-secret-header" not in caplog.text


async def test_an_answer_is_read_no_further_than_its_limit(receiver: Receiver) -> None:
    receiver.status, receiver.body = 200, bytes(2 << 20)

    with pytest.raises(NotReceived) as refused:
        await Receivers(Clock(), loopback=True).post(receiver.url, b"{}", {})

    assert refused.value.parameters == {"kind": "AnswerRefused"}


async def test_a_receiver_is_not_waited_for_longer_than_its_time(receiver: Receiver) -> None:
    receiver.open.clear()

    with pytest.raises(NotReceived, match="noAnswer"):
        await Receivers(Clock(), loopback=True, seconds=0.2).post(receiver.url, b"{}", {})
