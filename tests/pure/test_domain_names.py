"""A domain's name as people read it."""

import re

import pytest

from shared.model.bad_value import BadValue
from shared.model.domain_names import domain_name, own_script
from tests.support.errors import raises


@pytest.mark.parametrize("name", ["日本語.jp", "contoso.com", "bücher.example"])
def test_a_name_reads_in_its_own_script_as_it_was_given(name: str) -> None:
    assert own_script(domain_name(name)) == name


def test_a_name_that_only_looks_international_stays_as_it_is() -> None:
    assert own_script("xn--a.example") == "xn--a.example"


@pytest.mark.parametrize("name", ["-bücher.example", "contoso", "a b.example", "x" * 64 + ".example"])
def test_what_is_no_domain_is_named(name: str) -> None:
    with raises(BadValue, re.escape(repr(name))):
        domain_name(name)
