"""The caller's address is the last of X-Forwarded-For, and an address alone."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.address import caller_address

PORTS = st.integers(0, 65535)
MADE_UP = st.sampled_from(["", "10.9.9.9, ", "10.9.9.9:80,", "<script>, , "])


def seen(header: str) -> str:
    return caller_address({"X-Forwarded-For": header})


@given(MADE_UP, st.ip_addresses())
def test_an_address_alone_is_taken_as_it_is(before: str, address: IPv4Address | IPv6Address) -> None:
    assert seen(f"{before}{address}") == str(address)


@given(MADE_UP, st.ip_addresses(v=4), PORTS)
def test_a_port_is_left_out(before: str, address: IPv4Address, port: int) -> None:
    assert seen(f"{before}{address}:{port}") == str(address)


@given(MADE_UP, st.ip_addresses(v=6), PORTS)
def test_a_port_after_brackets_is_left_out(before: str, address: IPv6Address, port: int) -> None:
    assert seen(f"{before}[{address}]:{port}") == str(address)
    assert seen(f"{before}[{address}]") == str(address)


@pytest.mark.parametrize("header", ["", ",", "unknown", "203.0.113.7,", "a:1", "203.0.113.7:80:80", "[]:1"])
def test_what_is_no_address_is_none(header: str) -> None:
    assert seen(header) == ""


def test_without_the_header_there_is_none() -> None:
    assert caller_address({}) == ""
