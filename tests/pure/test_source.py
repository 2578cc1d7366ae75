"""What every source holds its users to: each is somebody, none comes twice, and no mapped field is nobody's."""

from pathlib import Path

import pytest

from shared.clock import Clock
from shared.errors import SourceError
from shared.model.people import SourceUser
from shared.planning.mapping import AttributeMap
from shared.settings import Settings
from shared.source import SourceUsers, in_domain
from shared.source.files import FileSource
from shared.store.storage import Storage
from tests.support.people import MAP, source_user

AOKI = {
    "username": "aoki",
    "email": "aoki@contoso.com",
    "display_name": "青木 花子",
    "given_name": "花子",
    "family_name": "青木",
    "status": "enabled",
}
BABA = {**AOKI, "username": "baba", "email": "baba@contoso.com"}


def gathered(*records: object, attribute_map: AttributeMap = MAP) -> list[SourceUser]:
    users = SourceUsers("people", attribute_map)
    for number, record in enumerate(records, 1):
        users.add(record, f"item {number}")
    return users.complete()


def complaint(*records: object, attribute_map: AttributeMap = MAP) -> str:
    with pytest.raises(SourceError) as raised:
        gathered(*records, attribute_map=attribute_map)
    return str(raised.value)


def test_everybody_is_gathered_in_the_order_of_the_source() -> None:
    assert gathered(BABA, AOKI) == [source_user("baba@contoso.com"), source_user("aoki@contoso.com")]


def test_the_built_in_administrator_is_nobody() -> None:
    assert gathered(AOKI, {**BABA, "username": "HdeAdmin"}) == [source_user("aoki@contoso.com")]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("aoki", "str where a user was expected."),
        ({**AOKI, "username": " "}, "a user without a username; the fields are display_name, email, "),
        ({**AOKI, "status": ["enabled"]}, "a user whose status is a list, not one value."),
        (BABA, "the username baba stands there more than once, first at item 1; usernames are unique,"),
    ],
)
def test_a_record_that_is_no_user_is_named_by_its_place(record: object, said: str) -> None:
    assert complaint(BABA, record).startswith(f"people, item 2: {said}")


def test_a_source_without_users_is_none() -> None:
    assert complaint().startswith("people has no user at all;")


def test_a_mapped_field_that_nobody_has_is_an_error_and_clears_nothing() -> None:
    attribute_map = AttributeMap.of({"department": "Section", "onPremisesImmutableId": "Key"})

    said = complaint(AOKI, {**BABA, "Key": ""}, attribute_map=attribute_map)

    assert said.startswith("people lists nobody with the field section: in ATTRIBUTE_MAP,")


def test_a_mapped_field_that_only_some_have_is_empty_for_the_others() -> None:
    attribute_map = AttributeMap.of({"department": "Section"})

    aoki, baba = gathered(AOKI, {**BABA, "Section": "営業部"}, attribute_map=attribute_map)

    assert (aoki.values[-1], baba.values[-1]) == (None, "営業部")


def test_a_domain_is_exactly_that_domain_in_any_case() -> None:
    here = source_user("AOKI@Contoso.com")
    elsewhere = [
        source_user("a@sub.contoso.com"),
        source_user("b@notcontoso.com"),
        source_user("", source_id="c"),
    ]

    assert in_domain([here, *elsewhere], "contoso.com") == [here]


def test_a_source_with_nobody_in_the_domain_stops_the_run() -> None:
    with pytest.raises(SourceError, match=r"no user on contoso\.com"):
        in_domain([source_user("a@other.com")], "contoso.com")


@pytest.fixture
def storage() -> Storage:
    environment = {"AzureWebJobsStorage": "x", "SOURCE": "csv", "CSV_PATH": "people.csv"}
    return Storage(Settings.from_environment(environment), Clock())


def lines(content: bytes, name: str, attribute_map: AttributeMap) -> list[SourceUser]:
    users = SourceUsers(name, attribute_map)
    for line in content.decode().split():
        users.add({**AOKI, "username": line, "email": f"{line}@contoso.com"}, "a line")
    return users.complete()


async def test_a_file_is_read_each_time_it_is_asked_for(tmp_path: Path, storage: Storage) -> None:
    path = tmp_path / "people.txt"
    source = FileSource("PEOPLE_PATH", str(path), storage, lines, MAP)

    path.write_text("aoki")
    assert await source.users() == [source_user("aoki@contoso.com")]
    path.write_text("aoki baba")
    assert len(await source.users()) == 2


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("gone.csv", "No such file or directory"),
        ("people\0.csv", "ValueError"),
        ("blob:people.csv", "ValueError"),
    ],
)
async def test_a_file_that_can_not_be_read_is_named_with_its_setting(
    path: str, why: str, storage: Storage
) -> None:
    with pytest.raises(SourceError) as raised:
        await FileSource("PEOPLE_PATH", path, storage, lines, MAP).users()

    assert str(raised.value) == f"PEOPLE_PATH {path} can't be read: {why}."
