"""Posts to addresses that administrators name, and never into a network where only this app can reach.

The app has a managed identity, and its platform answers on addresses of its own: a request that somebody could steer
there would act as the app. So the name is resolved here, every address behind it must be on the internet, and the
connection goes to an address that was looked at, whatever the name leads to a moment later. Certificates are verified
for the name, redirects are not followed, and what is answered is not passed on.
"""

import asyncio
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx

from shared.clock import Clock
from shared.errors import NotReceived
from shared.outbound.bounded import BoundedTransport

ANSWER_SECONDS = 10.0
LARGEST_ANSWER = 1 << 20
# Beside what the standard library knows: 6to4 and its relays, which lead on to an IPv4 address, documentation, and the
# address at which Azure's platform answers its machines.
_REFUSED = tuple(
    map(
        ip_network,
        ("2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20", "192.88.99.0/24", "168.63.129.16/32"),
    )
)
# What else there is of IPv6 is local, reserved, or holds an IPv4 address (mapped, NAT64).
_UNICAST = ip_network("2000::/3")

Address = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Whether an address is one machine's on the internet."""
    if address.version == 6 and address not in _UNICAST:
        return False
    reserved = address.is_multicast or address.is_reserved
    return address.is_global and not reserved and not any(address in network for network in _REFUSED)


class Receivers:
    """`loopback`: whether this machine's own addresses are allowed, with http:// too. For development."""

    def __init__(self, clock: Clock, *, loopback: bool, seconds: float = ANSWER_SECONDS) -> None:
        self._clock = clock
        self._loopback = loopback
        self._seconds = seconds

    async def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of a good answer. Raises NotReceived for any other, and if there is none in time."""
        try:
            async with asyncio.timeout(self._seconds):
                status = await self._post(_parsed(address), body, headers)
        except TimeoutError:
            raise NotReceived("receiver.noAnswer", seconds=round(self._seconds)) from None
        if not 200 <= status < 300:
            raise NotReceived("receiver.answered", answer=status)
        return status

    async def check(self, address: str) -> None:
        """Raises NotReceived if nothing is ever sent there. A name is not resolved: it may lead elsewhere later."""
        url = _parsed(address)
        try:
            numeric = await _resolved(url, flags=socket.AI_NUMERICHOST)
        except NotReceived:
            numeric = [ip_address("127.0.0.1")] if url.raw_host == b"localhost" else []
        if url.scheme != "https" and not (self._loopback and numeric):
            raise NotReceived("receiver.insecure")
        self._require_allowed(url, numeric)

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> int:
        addresses = await _resolved(url)
        self._require_allowed(url, addresses)
        # A transport of its own: a connection that was verified for one name is never used for another. And no client,
        # which would log the address.
        transport = BoundedTransport(self._seconds, self._clock, LARGEST_ANSWER)
        refusal = NotReceived("receiver.noName")
        try:
            for address in addresses:
                request = _request(url, address, body, headers, self._seconds / 2)
                try:
                    return (await transport.handle_async_request(request)).status_code
                except httpx.ReadTimeout:
                    raise TimeoutError from None
                except httpx.HTTPError as error:
                    refusal = NotReceived("receiver.unreachable", kind=type(error).__name__)
                    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                        break  # it may have been received
        finally:
            await transport.aclose()
        raise refusal

    def _require_allowed(self, url: httpx.URL, addresses: list[Address]) -> None:
        """Also where only one of several addresses is bad: which one is taken would be chance."""
        for address in addresses:
            here = self._loopback and address.is_loopback and getattr(address, "ipv4_mapped", None) is None
            if not here and not is_public(address):
                raise NotReceived("receiver.notPublic")
            if not here and url.scheme != "https":
                raise NotReceived("receiver.insecure")


def _request(
    url: httpx.URL, address: Address, body: bytes, headers: Mapping[str, str], patience: float
) -> httpx.Request:
    """A request for the URL's host that goes to this address; the certificate must be the host's."""
    return httpx.Request(
        "POST",
        url.copy_with(host=str(address)),
        content=body,
        headers={**headers, "Host": url.netloc.decode("ascii")},
        extensions={"sni_hostname": url.raw_host.decode("ascii"), "timeout": {"connect": patience}},
    )


def _parsed(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise NotReceived("receiver.noName") from None
    if url.scheme not in ("https", "http") or not url.raw_host:
        raise NotReceived("receiver.noName")
    return url


async def _resolved(url: httpx.URL, flags: int = 0) -> list[Address]:
    """Every address of the host. Raises NotReceived if there is none."""
    loop = asyncio.get_running_loop()
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await loop.getaddrinfo(
            url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM, flags=flags
        )
    except (OSError, UnicodeError):
        raise NotReceived("receiver.noName") from None
    return list(dict.fromkeys(ip_address(one[4][0]) for one in found))
