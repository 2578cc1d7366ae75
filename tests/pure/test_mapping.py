"""Source fields → Entra attributes: tolerant of spelling, strict about what Entra refuses."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.bad_value import BadValue
from shared.model.changes import Obstacle
from shared.model.people import SignIn
from shared.planning.entra_limits import refused_immutable_id, refused_upn, refused_value
from shared.planning.mapping import AttributeMap, flat, is_secret, normalised
from shared.words import said
from tests.support.errors import raises
from tests.support.people import MAP, values

RECORD = {
    "username": "aoki",
    "user_principal_name": "aoki@contoso.com",
    "display_name": "青木 花子",
    "given_name": "花子",
    "family_name": "青木",
    "status": "enabled",
}


def code(obstacle: Obstacle | None) -> str | None:
    return obstacle.code if obstacle else None


@pytest.mark.parametrize("name", ["display_name", "Display Name", "displayName", "DISPLAY-NAME"])
def test_a_field_is_found_in_whatever_spelling_its_name_comes(name: str) -> None:
    record = {key: value for key, value in RECORD.items() if key != "display_name"}
    record[name] = RECORD["display_name"]

    assert MAP.source_user(record) == MAP.source_user(RECORD)


NAMES = ("Username", "user_principal_name", "displayName", "Family Name", "Status", "Note", "mail")
NESTED = st.dictionaries(
    st.sampled_from(["Section", "cost-center", "section.x"]), st.text(max_size=3) | st.none()
)
FIELDS = {
    **dict.fromkeys(NAMES, st.text(max_size=4) | st.booleans() | st.none() | st.integers(0, 9)),
    "custom_attributes": NESTED | st.text(max_size=3),
    "Email": st.lists(st.text(max_size=3), max_size=2),
}


@given(st.lists(st.fixed_dictionaries({}, optional=FIELDS).flatmap(
    lambda record: st.permutations(list(record.items())).map(dict)
), max_size=3))  # fmt: skip
def test_a_record_is_read_like_one_without_objects_in_it(records: list[dict[str, object]]) -> None:
    attribute_map = AttributeMap.of({
        "department": "custom_attributes.Section",
        "companyName": "join(' ', customattributes.costCenter, Note)",
    })  # fmt: skip

    for record in records:
        assert attribute_map.source_user(record) == attribute_map.source_user(flat(record))


def test_a_record_becomes_a_source_user() -> None:
    user = MAP.source_user({**RECORD, "immutable_id": " SW1tdXRhYmxl "})

    assert (user.source_id, user.upn, user.immutable_id) == ("aoki", "aoki@contoso.com", "SW1tdXRhYmxl")
    assert user.status is True
    assert user.values == values("青木 花子", "花子", "青木", "aoki")
    assert user.problem == ()


def test_both_sides_of_one_person_are_equal_whatever_unicode_form_they_are_typed_in() -> None:
    typed = {**RECORD, "given_name": unicodedata.normalize("NFD", "がく") + " "}
    listed = {
        "id": "1",
        "userPrincipalName": "aoki@contoso.com",
        "displayName": "青木 花子",
        "givenName": "がく",
        "surname": "青木",
        "mailNickname": "aoki",
    }

    assert MAP.source_user(typed).values == MAP.entra_user(listed).values


@pytest.mark.parametrize("kanji", ["神", "\ufa19", "\U0002f81a", "\uf900"])
def test_a_kanji_is_written_as_the_source_has_it(kanji: str) -> None:
    assert normalised(f"{kanji}田 か\u3099") == f"{kanji}田 が"
    assert MAP.source_user({**RECORD, "family_name": kanji}).values[2] == kanji


@given(
    st.text(
        st.characters(exclude_categories=()) | st.sampled_from("\ufa19\u3099\u0301\u0316かe\u200b"),
        max_size=40,
    )
)
def test_a_name_is_in_nfc_but_for_its_compatibility_ideographs(name: str) -> None:
    written = normalised(name) or ""

    ideographs = [c for c in name if "\uf900" <= c <= "\ufaff" or "\U0002f800" <= c <= "\U0002fa1f"]
    assert [c for c in written if c in ideographs] == ideographs
    assert unicodedata.normalize("NFC", written) == unicodedata.normalize("NFC", name).strip() or not written
    assert normalised(written) == (written or None)


@pytest.mark.parametrize("name", ["\u200b", "\u3164", "\ufeff\u200d \u2800", "\U000e0100", "\u115f\u1160"])
def test_a_name_of_what_nobody_sees_is_none(name: str) -> None:
    user = MAP.source_user({**RECORD, "display_name": name, "given_name": name})

    assert user.values == values("青木", None, "青木", "aoki")


def test_what_nobody_sees_inside_a_name_stays() -> None:
    """A selector of a glyph belongs to the kanji of a name."""
    assert normalised("葛\U000e0100城") == "葛\U000e0100城"


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("display_name", "Display name"),
        ("given_name", "Given name"),
        ("user_principal_name", "UPN"),
        ("immutable_id", "Immutable ID"),
    ],
)
@pytest.mark.parametrize("character", ["\x00", "\t", "\n", "\x1f", "\x7f", "\x85", "\ud800", "\udfff"])
def test_a_character_that_nobody_can_write_is_that_users_problem_and_its_place_is_named(
    field: str, attribute: str, character: str
) -> None:
    user = MAP.source_user({**RECORD, field: f"青木{character}x"})

    assert said(user.problem).startswith(f"{attribute} has U+{ord(character):04X} as its character 3, ")
    repr(user).encode()


def test_an_address_may_have_lines() -> None:
    attribute_map = AttributeMap.of({"streetAddress": "address"})

    user = attribute_map.source_user({**RECORD, "address": "1-2-3\r\n渋谷"})

    assert (user.values[-1], user.problem) == ("1-2-3\r\n渋谷", ())
    assert attribute_map.source_user({**RECORD, "address": "1-2-3\v渋谷"}).problem


@given(
    st.dictionaries(st.sampled_from([*RECORD, "immutable_id"]), st.text(st.characters(exclude_categories=())))
)
def test_whatever_a_user_is_called_can_be_stored(record: dict[str, object]) -> None:
    user = MAP.source_user(record)

    for text in (
        user.source_id,
        user.upn,
        user.immutable_id or "",
        user.email,
        *user.values,
        said(user.problem),
    ):
        str(text).encode()


def test_two_usernames_that_no_text_can_hold_stay_two() -> None:
    ids = {MAP.source_user({**RECORD, "username": f"aoki{c}"}).source_id for c in ("\ud800", "\ud801", "")}

    assert ids == {r"aoki\ud800", r"aoki\ud801", "aoki"}


@pytest.mark.parametrize(
    ("field", "name", "longest"),
    [
        ("display_name", "Display name", 256),
        ("immutable_id", "Immutable ID", 2000),
        ("user_principal_name", "UPN", 113),
    ],
)
def test_of_a_value_that_is_far_too_long_only_the_length_matters(field: str, name: str, longest: int) -> None:
    user = MAP.source_user({**RECORD, field: "\u0301\u0316" * 500_000})

    assert said(user.problem).startswith(f"{name} has 1000000 characters, Entra takes {longest}:")
    assert len(repr(user)) < 20_000


@pytest.mark.parametrize("value", ["", "  ", "\u3000", None])
def test_empty_text_is_the_same_as_none(value: str | None) -> None:
    assert normalised(value) is None


@pytest.mark.parametrize(
    ("status", "read"),
    [
        ("enabled", True),
        ("Enabled ", True),
        (True, True),
        ("disabled", False),
        ("Inactive", False),
        ("locked", None),
        ("Locked out", None),
        ("", None),
        (None, None),
        ("suspended", "suspended"),
        (7, "7"),
    ],
)
def test_a_status_is_read_and_never_guessed(status: object, read: object) -> None:
    user = MAP.source_user({**RECORD, "status": status})

    assert user.status == read
    assert user.problem == ()


@pytest.mark.parametrize(
    ("value", "read"), [(True, False), ("false", True), ("", None), ("suspended", "suspended")]
)
def test_an_inverted_flag_says_who_may_not_sign_in(value: object, read: object) -> None:
    attribute_map = AttributeMap.of({"accountEnabled": "!is_disabled"})

    assert attribute_map.source_user({**RECORD, "isDisabled": value}).status == read


@pytest.mark.parametrize(
    ("overrides", "mode"),
    [({}, None), ({"accountEnabled": "Status"}, SignIn.FOLLOW), ({"accountEnabled": None}, SignIn.LEAVE)],
)
def test_a_map_of_an_earlier_version_says_what_it_meant(
    overrides: dict[str, str | None], mode: SignIn | None
) -> None:
    assert AttributeMap.of(overrides).sign_in is mode


@pytest.mark.parametrize(
    ("username", "nickname"),
    [("tanaka", "tanaka"), ("tanaka@a.test", "tanaka"), ("@a", "@a"), ("a b", "a b")],
)
def test_the_nickname_is_the_local_part_of_a_username_that_is_an_address(
    username: str, nickname: str
) -> None:
    user = MAP.source_user({**RECORD, "username": username})

    assert user.values[MAP.attributes.index("mailNickname")] == nickname


@pytest.mark.parametrize("name", ["sourceId", "username"])
def test_the_nickname_comes_from_the_field_of_the_username_wherever_that_is(name: str) -> None:
    attribute_map = AttributeMap.of({name: "Login ID"})

    assert attribute_map.fields[attribute_map.attributes.index("mailNickname")] == "loginid"
    assert attribute_map.source_user({"login_id": "aoki"}).source_id == "aoki"


@pytest.mark.parametrize(
    "field",
    ["OTP Emergency Token", "New Password", "client_secret", "otpType", "custom_attributes.API Token"],
)
def test_a_field_that_holds_a_secret_can_not_be_mapped(field: str) -> None:
    assert is_secret(field)
    for attribute in ("department", "accountEnabled", "userPrincipalName", "sourceId"):
        with raises(BadValue, "can't be mapped: by its name, the field holds a secret"):
            AttributeMap.of({attribute: field})


@pytest.mark.parametrize("field", ["Secretary", "Footprint", "Department", "Option"])
def test_a_field_that_only_sounds_like_one_can_be_mapped(field: str) -> None:
    assert not is_secret(field)


def test_without_a_display_name_family_and_given_name_stand_in() -> None:
    user = MAP.source_user({**RECORD, "display_name": " "})

    assert (MAP.display_name(user), user.name_made) == ("青木 花子", True)


def test_somebody_without_any_name_has_no_display_name() -> None:
    user = MAP.source_user({"username": "aoki"})

    assert MAP.display_name(user) == ""
    assert user.values[0] is None


def test_whether_the_email_stands_in_for_a_upn_is_for_the_whole_source_to_say() -> None:
    user = MAP.source_user({**RECORD, "user_principal_name": "", "email": "mail@contoso.com"})

    assert (user.upn, user.email) == ("", "mail@contoso.com")


@pytest.mark.parametrize(
    ("record", "email", "given"),
    [
        ({"Email": " Aoki <aoki@contoso.com> "}, "Aoki <aoki@contoso.com>", True),
        ({"upn": "aoki@contoso.com", "Email Address": "a@x.com"}, "a@x.com", True),
        ({"upn": "aoki@contoso.com", "mail": ["a@x.com", "b@x.com"]}, "a@x.com; b@x.com", True),
        ({"upn": "aoki@contoso.com"}, "", True),
    ],
)
def test_the_email_is_kept_as_it_is_written(record: dict[str, object], email: str, given: bool) -> None:
    user = MAP.source_user({"username": "aoki", "Status": "enabled", **record})

    assert (user.email, user.upn_given) == (email, given)


def test_an_email_that_is_mapped_as_the_upn_is_one_that_may_be_any_address() -> None:
    user = AttributeMap.of({"userPrincipalName": "Email"}).source_user({**RECORD, "email": "a@contoso.com"})

    assert (user.upn, user.upn_given) == ("a@contoso.com", False)


def test_a_custom_attribute_can_be_mapped() -> None:
    attribute_map = AttributeMap.of({"department": "custom_attributes.Cost Centre"})

    user = attribute_map.source_user({**RECORD, "custom_attributes": {"cost_centre": "営業"}})

    assert dict(zip(attribute_map.attributes, user.values, strict=True))["department"] == "営業"


def test_upn_and_immutable_id_can_come_from_other_fields() -> None:
    attribute_map = AttributeMap.of({"userPrincipalName": "Login", "onPremisesImmutableId": "Employee No"})

    user = attribute_map.source_user({**RECORD, "login": "x@contoso.com", "employee_no": 42})

    assert (user.upn, user.immutable_id) == ("x@contoso.com", "42")


def test_an_attribute_mapped_to_null_is_left_alone() -> None:
    assert "surname" not in AttributeMap.of({"surname": None}).attributes


def test_a_usage_location_is_compared_in_upper_case() -> None:
    attribute_map = AttributeMap.of({"usageLocation": "country"})

    user = attribute_map.source_user({**RECORD, "country": "jp"})

    assert user.values[attribute_map.attributes.index("usageLocation")] == "JP"


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"manager": "boss"}, "manager can't be mapped"),
        ({"surname": "!name"}, "only accountEnabled takes"),
        ({"displayName": None}, "displayName must be mapped"),
    ],
)
def test_a_map_that_cannot_work_is_refused(overrides: dict[str, str | None], complaint: str) -> None:
    with raises(BadValue, complaint):
        AttributeMap.of(overrides)


@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        ({}, "person"),
        ({"onPremisesSyncEnabled": True}, "onPremisesSynced"),
        ({"onPremisesSyncEnabled": None, "isResourceAccount": False}, "person"),
        ({"isManagementRestricted": True}, "restricted"),
        ({"userType": "Guest"}, "guest"),
        ({"userType": "Member", "userPrincipalName": "a_gmail.com#EXT#@contoso.com"}, "guest"),
        ({"userType": "Member", "userPrincipalName": "a_gmail.com#ext#@contoso.com"}, "guest"),
        ({"userType": "Member", "creationType": "Invitation"}, "guest"),
        ({"creationType": "EmailVerified"}, "person"),
        ({"isResourceAccount": True}, "resourceAccount"),
        ({"department": "Microsoft Communication Application Instance"}, "resourceAccount"),
        ({"jobTitle": " microsoft communication application INSTANCE"}, "resourceAccount"),
        ({"jobTitle": "Communication"}, "person"),
        ({"@odata.type": "#microsoft.graph.agentUser"}, "agent"),
        ({"@odata.type": "#microsoft.graph.user"}, "person"),
        ({"identityParentId": "00000000-0000-4000-8000-00000000beef"}, "agent"),
    ],
)
def test_an_account_says_of_what_kind_it_is(properties: dict[str, object], kind: str) -> None:
    user = MAP.entra_user({"id": "1", "userPrincipalName": "aoki@contoso.com", **properties})

    assert user.kind == kind


@given(st.sampled_from(MAP.selected), st.text() | st.booleans(), st.text() | st.booleans() | st.none())
def test_two_reads_of_an_account_are_alike_only_if_nothing_that_is_read_has_changed(
    name: str, before: str | bool, after: str | bool | None
) -> None:
    aoki: dict[str, object] = {"id": "1", "userPrincipalName": "aoki@contoso.com"}
    reads = [MAP.entra_user({**aoki, name: value}) for value in (before, after, before)]

    assert reads[0].fingerprint == reads[2].fingerprint
    assert (reads[0].fingerprint == reads[1].fingerprint) == (str(before or "") == str(after or ""))


@pytest.mark.parametrize(
    ("attribute", "longest"), [("displayName", 256), ("givenName", 64), ("surname", 64), ("employeeId", 16)]
)
def test_a_value_is_refused_from_one_character_too_many_on(attribute: str, longest: int) -> None:
    assert refused_value(attribute, "漢" * longest) is None
    assert code(refused_value(attribute, "漢" * (longest + 1))) == "ValueTooLong"


def test_only_the_display_name_cannot_be_cleared() -> None:
    assert refused_value("givenName", None) is None
    assert code(refused_value("displayName", None)) == "DisplayNameMissing"


@pytest.mark.parametrize("location", ["JPN", "J", "1P", "日本"])
def test_a_usage_location_has_two_letters(location: str) -> None:
    assert refused_value("usageLocation", "JP") is None
    assert code(refused_value("usageLocation", location)) == "InvalidValue"


@pytest.mark.parametrize(
    "upn", ["aoki@contoso.com", "o'brien-x_!#^~.y@sub.contoso.com", "x" * 64 + "@contoso.com"]
)
def test_a_upn_that_entra_takes_is_not_refused(upn: str) -> None:
    assert refused_upn(upn) is None


@pytest.mark.parametrize(
    ("upn", "expected"),
    [
        ("青木@contoso.com", "InvalidValue"),
        ("a b@contoso.com", "InvalidValue"),
        ("a@b@contoso.com", "InvalidValue"),
        ("aoki", "InvalidValue"),
        ("aoki.@contoso.com", "InvalidValue"),
        (".aoki@contoso.com", "InvalidValue"),
        ("x" * 65 + "@contoso.com", "ValueTooLong"),
        ("x" * 50 + "@" + "y" * 60 + ".com", "ValueTooLong"),
    ],
)
def test_a_upn_that_entra_would_refuse_is_known_beforehand(upn: str, expected: str) -> None:
    assert code(refused_upn(upn)) == expected


@pytest.mark.parametrize("immutable_id", ["a_b", "a$b"])
def test_an_immutable_id_holds_no_dollar_and_no_underscore(immutable_id: str) -> None:
    assert refused_immutable_id("SW1t+/=") is None
    assert code(refused_immutable_id(immutable_id)) == "InvalidValue"


@pytest.mark.parametrize(("after", "same"), [(["Sales"], True), (["Board"], False), ([], False)])
def test_an_account_with_a_list_is_known_to_be_as_before(after: list[str], same: bool) -> None:
    item = {"id": "1", "userPrincipalName": "aoki@contoso.com", "department": ["Sales"]}

    before, now = MAP.entra_user(item), MAP.entra_user({**item, "department": after})

    assert (before.fingerprint == now.fingerprint) == same
