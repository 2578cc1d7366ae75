"""What the source page tells of fields, and which map it suggests."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.planning.mapping import AttributeMap
from shared.planning.spellings import LOOKED_AT, masked
from shared.reports.source_fields import SourceField, SourceFields, SourceReport

NOW = datetime(2026, 11, 28, tzinfo=UTC)
# The header of Access Control's export (HENNGE's article 16780013124889).
EXPORTED = {
    "Username": "taro@contoso.com", "Email Address": "taro@contoso.com", "Family Name": "山田", "Given Name": "太郎",
    "Display Name": "山田 太郎", "Status": "enabled", "OTP Emergency Token": "12345678", "New Password": "",
    "Microsoft Immutable ID": base64.b64encode(bytes(16)).decode(),
}  # fmt: skip


def described(*records: object, overrides: Mapping[str, str | None] | None = None) -> SourceReport:
    fields = SourceFields()
    for record in records:
        fields.add(record)
    return fields.report("hennge", "https://api.example", NOW, AttributeMap.of(overrides or {}))


def suggested(*records: object) -> dict[str, str]:
    return {one.attribute: one.field for one in described(*records).suggested}


def named(report: SourceReport, name: str) -> SourceField:
    (found,) = [one for one in report.fields if one.name == name]
    return found


def test_a_field_says_how_many_have_it_and_what_it_fills() -> None:
    report = described(EXPORTED, {**EXPORTED, "Family Name": " "}, {"Username": "x"})

    family_name = named(report, "Family Name")

    assert (report.users, family_name.users, family_name.fills) == (3, 1, ("surname",))
    assert named(report, "Status").same
    assert not named(report, "Username").same


def test_a_nested_field_is_named_as_a_map_takes_it() -> None:
    report = described(
        {"username": "a", "custom_attributes": {"dept": "x"}},
        overrides={"department": "custom_attributes.dept"},
    )

    assert named(report, "custom_attributes.dept").fills == ("department",)


def test_a_secret_is_named_and_counted_and_no_more() -> None:
    report = described(EXPORTED)

    token = named(report, "OTP Emergency Token")

    assert (token.secret, token.users, token.samples, token.same) == (True, 1, (), False)
    assert "OTP Emergency Token" not in {one.field for one in report.suggested}
    assert "12345678" not in report.model_dump_json()


@pytest.mark.parametrize(
    ("value", "shown"),
    [("taro@contoso.com", "t***@c***.com"), ("山田 太郎", "山*"), ("disabled", "disabled"), ("x", "x*")],
)
def test_samples_are_masked(value: str, shown: str) -> None:
    assert masked(value) == shown


@given(st.lists(st.text(min_size=4), min_size=1, max_size=5))
def test_no_value_leaves_unmasked(values: Sequence[str]) -> None:
    report = described(*({"Username": str(place), "Note": value} for place, value in enumerate(values)))

    shown = [sample for field in report.fields if field.name == "Note" for sample in field.samples]

    assert all(len(sample) == 2 or "***" in sample or sample.isascii() for sample in shown)
    assert len(shown) <= 3


def test_the_documented_export_is_suggested_as_it_is() -> None:
    assert suggested(EXPORTED) == {
        "sourceId": "Username", "userPrincipalName": "Email Address", "displayName": "Display Name",
        "givenName": "Given Name", "surname": "Family Name", "onPremisesImmutableId": "Microsoft Immutable ID",
        "accountEnabled": "Status",
    }  # fmt: skip


def test_another_spelling_is_suggested_by_name_and_by_value() -> None:
    record = {
        "loginId": "taro", "firstName": "太郎", "lastName": "山田", "fullName": "山田 太郎", "isDisabled": False,
        "contact": "taro@contoso.com", "anchor": base64.b64encode(bytes(range(16))).decode(), "note": ["a", "b"],
    }  # fmt: skip

    report = described(record, record)

    assert suggested(record, record) == {
        "sourceId": "loginId", "userPrincipalName": "contact", "onPremisesImmutableId": "anchor",
        "displayName": "fullName", "givenName": "firstName", "surname": "lastName", "accountEnabled": "!isDisabled",
    }  # fmt: skip
    reasons = {one.attribute: one.reason for one in report.suggested}
    assert "the opposite" in reasons["accountEnabled"]
    assert "immutable ID" in reasons["onPremisesImmutableId"]


def test_nothing_is_suggested_where_nothing_fits() -> None:
    assert suggested({"a": "1"}, "no record") == {}


VALUES = st.sampled_from([None, "", " ", "a", "b", "taro@contoso.com", True, ["x"], {"dept": "a"}, 5])


@given(st.lists(st.dictionaries(st.sampled_from(["Note", "Pass Word", "x"]), VALUES), max_size=12), st.data())
def test_who_has_a_value_is_counted_also_of_those_who_are_not_looked_at(
    records: list[dict[str, object]], data: st.DataObject
) -> None:
    few = [{"Note": "first"}] * LOOKED_AT
    looked = described(*records)
    counted = described(*few, *records)

    first = {field.name: field for field in counted.fields}
    for field in looked.fields:
        more = LOOKED_AT if field.name == "Note" else 0
        assert first[field.name].users == field.users + more
        assert more or first[field.name].same == field.same
    cut = data.draw(st.integers(0, len(records)))
    begun = SourceFields()
    for record in [*few, *records[:cut]]:
        begun.add(record)
    going_on = SourceFields(json.loads(json.dumps(begun.kept)))
    for record in records[cut:]:
        going_on.add(record)
    kept = going_on.report("hennge", "https://api.example", NOW, AttributeMap.of({}))
    assert [(one.name, one.users, one.secret) for one in kept.fields] == [
        (one.name, one.users, one.secret) for one in counted.fields
    ]
    assert not any(one.same and not first[one.name].same for one in kept.fields if one.samples[1:])


def test_nothing_of_the_values_is_kept_but_masked_samples() -> None:
    fields = SourceFields()
    for number in range(2 * LOOKED_AT):
        fields.add({**EXPORTED, "Note": "everybody's", "Username": f"taro{number}"})

    kept = json.dumps(fields.kept, ensure_ascii=False)

    assert not any(text in kept for text in ("taro", "山田", "everybody", "12345678"))
