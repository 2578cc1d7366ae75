"""People in the emulated Access Control, and the seeds they come from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from local.access_control import SeedError, User, Users, parse_seed, read_seed
from local.access_control.users import UserError


def users(*names: str) -> Users:
    people = Users()
    for name in names:
        people.add(User(username=name))
    return people


def test_hdeadmin_is_always_listed_and_cannot_be_removed() -> None:
    people = users("aoki")

    assert [user.username for user in people.all()] == ["hdeadmin", "aoki"]
    with pytest.raises(UserError, match="hdeadmin is built in"):
        people.remove("hdeadmin")


def test_a_username_never_changes() -> None:
    with pytest.raises(UserError, match="aoki: a username never changes"):
        users("aoki").edit("aoki", {"username": "suzuki"})


def test_an_edit_keeps_the_other_fields_and_the_place_in_the_list() -> None:
    people = users("aoki", "baba")

    people.edit("aoki", {"display_name": "青木"})

    assert [user.display_name for user in people.all()][1:] == ["青木", ""]


def test_an_edit_is_held_to_the_documented_limits() -> None:
    with pytest.raises(ValidationError):
        users("aoki").edit("aoki", {"given_name": "x" * 257})


def test_somebody_removed_between_two_pages_shifts_nobody_out_of_the_list() -> None:
    people = users("a", "b", "c", "d")
    _, place = people.page(0, 3)
    assert place is not None

    people.remove("a")

    rest, end = people.page(place, 3)
    assert ([user.username for user in rest], end) == (["c", "d"], None)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("snake_case", "display_name"), ("Display Name", "Display Name"), ("camelCase", "displayName")],
)
def test_keys_are_spelled_as_the_seed_says(keys: str, expected: str) -> None:
    seed = parse_seed({"keys": keys})

    assert expected in User(username="aoki").item(seed.keys)


def test_another_spelling_has_an_inverted_flag_and_one_address() -> None:
    user = User(username="aoki", user_principal_name="aoki@a.test", email="mail@a.test", status="disabled")

    item = user.item("inverted")

    assert (item["emailAddress"], item["isDisabled"]) == ("aoki@a.test", True)
    assert not {"status", "userPrincipalName", "email"} & item.keys()


def test_the_csv_has_the_documented_columns_and_every_custom_attribute() -> None:
    people = users()
    people.add(User(username="aoki", display_name='青木 "花"', custom_attributes={"dept": "営業, 東京"}))

    lines = people.csv("utf-8-sig").decode("utf-8-sig").split("\r\n")

    assert lines[0] == (
        "Username,Email Address,Family Name,Given Name,Display Name,Status,Access Policy Group ID,"
        "Access Policy Group Name,OTP Notification Email,OTP Emergency Token,OTP Type,Last Login,Is Admin,"
        "Self Password Reset Email,Password Change Policy,Password Expiration Date,New Password,Role,dept,"
        "Microsoft Immutable ID"
    )
    assert lines[2].startswith('aoki,,,,"青木 ""花""",enabled,')
    assert lines[2].endswith(',"営業, 東京",')
    assert "\t" in people.csv("utf-8", "\t").decode()


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"username": "x" * 65}, "String should have at most 64 characters"),
        ({"username": "baba", "status": "gone"}, r"users\[1\] \(baba\): status: Input should be 'enabled'"),
        ({"username": "baba", "displayName": "B"}, r"users\[1\] \(baba\): displayName: Extra inputs"),
        ({"display_name": "B"}, r"users\[1\] \(no username\): username: Field required"),
        ({"username": "aoki"}, r"users\[1\] \(aoki\): aoki is there already"),
    ],
)
def test_a_bad_seed_names_the_entry(entry: dict[str, object], complaint: str) -> None:
    with pytest.raises(SeedError, match=complaint):
        parse_seed({"users": [{"username": "aoki"}, entry]})


def test_a_bad_seed_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match=r"missing\.json cannot be read"):
        read_seed(tmp_path / "missing.json")
    (tmp_path / "seed.json").write_text("{", encoding="utf-8")
    with pytest.raises(SeedError, match=r"seed\.json is not JSON"):
        read_seed(tmp_path / "seed.json")
    (tmp_path / "seed.json").write_text('{"rules": []}', encoding="utf-8")
    with pytest.raises(SeedError, match=r"seed\.json: rules: Extra inputs"):
        read_seed(tmp_path / "seed.json")
