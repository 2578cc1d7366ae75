"""Expressions in an attribute map: what they are made of, what they give, and what is said of a wrong one."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.bad_value import BadValue
from shared.planning.emptied import filled
from shared.planning.expressions import DEEPEST, Call, Constant, Expression, fields_of, parse, value_of
from shared.planning.mapping import DEFAULT_MAP, AttributeMap, field_key, normalised
from tests.support.errors import raises

FIELDS = {"a": "Aoki", "b": "花子", "mail": "aoki@contoso.com", "empty": "", "blank": "  "}
NAMES = st.sampled_from([*FIELDS, "missing"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=6)


def calls(inside: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inside, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Call, st.just("first"), several),
        st.builds(Call, st.just("join"), several, TEXTS),
        st.builds(Call, st.just("before"), st.tuples(inside), TEXTS.filter(bool)),
    )


LEAVES: st.SearchStrategy[Expression] = NAMES | st.builds(Constant, TEXTS)
EXPRESSIONS = st.recursive(LEAVES, calls, max_leaves=5)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def written(expression: Expression) -> str:
    """As an administrator writes it."""
    if isinstance(expression, str):
        return expression
    if isinstance(expression, Constant):
        return quoted(expression.text)
    arguments = [written(one) for one in expression.arguments]
    if expression.function == "join":
        arguments.insert(0, quoted(expression.constant))
    elif expression.function == "before":
        arguments.append(quoted(expression.constant))
    return f"{expression.function}({' , '.join(arguments)})"


def read(name: str) -> str | None:
    return normalised(FIELDS.get(name))


def plainly(expression: Expression) -> str:
    """The value, worked out as the page about it says; empty for none."""
    if isinstance(expression, str):
        return read(expression) or ""
    if isinstance(expression, Constant):
        return expression.text
    values = [plainly(one) for one in expression.arguments]
    if expression.function == "first":
        return next((value for value in values if value), "")
    if expression.function == "join":
        return expression.constant.join(value for value in values if value)
    return values[0].split(expression.constant)[0]


@given(EXPRESSIONS)
def test_what_is_written_is_what_is_read(expression: Expression) -> None:
    assert parse(written(expression), field_key) == expression


@given(EXPRESSIONS)
def test_a_value_is_what_its_parts_say(expression: Expression) -> None:
    assert (value_of(expression, read) or "") == plainly(expression)


@given(EXPRESSIONS)
def test_only_the_fields_that_it_names_are_read(expression: Expression) -> None:
    asked = []

    def listening(name: str) -> str | None:
        asked.append(name)
        return read(name)

    value_of(expression, listening)

    assert set(asked) == set(fields_of(expression))


@given(st.text(max_size=30) | st.text(st.sampled_from("ab'(), \"@firstjonbe"), max_size=30))
def test_any_text_is_an_expression_or_says_what_is_wrong(text: str) -> None:
    try:
        expression = parse(text, field_key)
    except ValueError as error:
        assert str(error)
    else:
        value_of(expression, read)


@pytest.mark.parametrize(
    "name", ["Display Name", "custom_attributes.kana", "氏名（カナ）", "Name (Kana)", "a,b"]
)
def test_every_other_text_is_one_field(name: str) -> None:
    assert parse(name, field_key) == field_key(name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("frist(a, b)", "frist is no function; there are first, join, before"),
        ("first(a)", "first takes two values or more"),
        ("first(a, )", "a field, a constant such as 'JP' or a function is expected"),
        ("first(a, b", "a comma or ) is expected"),
        ("first(a, b) c", "At character 13 of 'first(a, b) c' nothing more is expected"),
        ("'JP", "a field, a constant such as 'JP' or a function is expected"),
        ("join(a, b)", "join takes a constant to put between"),
        ("join(' ', a)", "join takes a constant to put between"),
        ("before(a, b)", "before takes a value and a constant"),
        ("before(a, '')", "before takes a value and a constant"),
        ("first(a, " * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), "5 deep"),
        ("first(a, Name (Kana))", "a comma or ) is expected"),
    ],
)
def test_a_wrong_expression_says_what_is_wrong_with_it(text: str, says: str) -> None:
    with raises(BadValue, re.escape(says)):
        parse(text, field_key)


def mapped(overrides: Mapping[str, str | None], record: Mapping[str, object]) -> dict[str, Any]:
    attribute_map = AttributeMap.of(overrides)
    user = attribute_map.source_user({"Username": "aoki", "Display Name": "x", **record})
    return dict(zip(attribute_map.attributes, user.values, strict=True))


def test_an_attribute_is_filled_by_an_expression() -> None:
    overrides = {
        "displayName": "join(' ', Family Name, Given_Name)",
        "department": "first(Section, Division)",
        "companyName": "'株式会社コントソ'",
        "employeeId": "before(Email, '@')",
        "usageLocation": "first(Country, 'jp')",
    }

    values = mapped(
        overrides,
        {"family_name": "青木", "given_name": "花子", "Division": "営業部", "Email": "aoki@contoso.com"},
    )

    assert {name: values[name] for name in overrides} == {
        "displayName": "青木 花子",
        "department": "営業部",
        "companyName": "株式会社コントソ",
        "employeeId": "aoki",
        "usageLocation": "JP",
    }


@pytest.mark.parametrize(("section", "found"), [("", False), ("営業部", True)])
def test_an_expression_that_gives_nobody_a_value_leaves_its_attribute_unfilled(
    section: str, found: bool
) -> None:
    overrides = {
        "department": "first(Section, Team)",
        "displayName": "join(' ', Kana, Nickname)",
        "city": "'東京'",
    }
    attribute_map = AttributeMap.of(overrides)
    user = attribute_map.source_user({"Username": "aoki", "Family Name": "青木", "Section": section})

    attributes = set(filled([user], attribute_map))

    assert ("department" in attributes) is found
    # Made up of the family name, though not by the expression.
    assert "displayName" not in attributes
    assert "city" in attributes


def test_every_field_of_an_expression_is_read() -> None:
    attribute_map = AttributeMap.of({"department": "first(Section, join('/', A, 'x'))"})

    assert {"section", "a"} <= attribute_map.read_fields
    assert "x" not in attribute_map.read_fields


@pytest.mark.parametrize(
    "attribute", ["sourceId", "userPrincipalName", "onPremisesImmutableId", "accountEnabled"]
)
def test_who_somebody_is_takes_one_field(attribute: str) -> None:
    with raises(BadValue, f"^{attribute} takes one field, no expression.$"):
        AttributeMap.of({attribute: "first(a, b)"})


@pytest.mark.parametrize(
    "field",
    [
        "OTP Emergency Token",
        "New Password",
        "first(Section, api_secret)",
        "join(' ', a, before(otpType, '@'))",
    ],
)
@pytest.mark.parametrize("attribute", ["department", "userPrincipalName"])
def test_a_field_that_holds_a_secret_by_its_name_is_refused(attribute: str, field: str) -> None:
    with raises(BadValue, f"{attribute}.*(holds a secret|takes one field)"):
        AttributeMap.of({attribute: field})


@pytest.mark.parametrize("constant", ["'JPN'", "first(Country, 'JPN')"])
def test_a_constant_that_entra_would_refuse_of_everybody_is_refused(constant: str) -> None:
    with raises(BadValue, "usageLocation takes 2 characters at most"):
        AttributeMap.of({"usageLocation": constant})


def test_a_wrong_expression_names_its_attribute() -> None:
    with raises(BadValue, r"^department: frist is no function"):
        AttributeMap.of({"department": "frist(a, b)"})


def test_a_plain_map_reads_fields_alone() -> None:
    assert AttributeMap.of({}).fields == tuple(field_key(name) for name in DEFAULT_MAP.values() if name)
