"""A source that is a file: read anew each time, and named with its setting where it can't be."""

from pathlib import Path

import pytest

from shared.clock import Clock
from shared.errors import SourceError
from shared.model.people import People
from shared.planning.mapping import AttributeMap
from shared.settings import Settings
from shared.source import SourceUsers
from shared.source.csv import parse, records
from shared.source.files import LARGEST_LOOK, FileSource
from shared.store.storage import Storage
from tests.support.errors import english, raises
from tests.support.people import MAP, source_user, values


@pytest.fixture
def storage() -> Storage:
    environment = {"AzureWebJobsStorage": "x", "SOURCE": "csv", "CSV_PATH": "people.csv"}
    return Storage(Settings.from_environment(environment), Clock())


def lines(content: bytes, name: str, attribute_map: AttributeMap) -> People:
    users = SourceUsers(name, attribute_map, "line", People())
    for number, line in enumerate(content.decode().split(), 1):
        fields = {
            "username": line,
            "email": f"{line}@contoso.com",
            "display_name": "青木 花子",
            "given_name": "花子",
            "family_name": "青木",
            "status": "enabled",
        }
        users.add(fields, number)
    return users.complete()


async def test_a_file_is_read_each_time_it_is_asked_for(tmp_path: Path, storage: Storage) -> None:
    path = tmp_path / "people.txt"
    source = FileSource("PEOPLE_PATH", str(path), storage, lines, records, MAP)

    path.write_text("aoki")
    assert await source.read(People()) == [
        source_user("", source_id="aoki", email="aoki@contoso.com", values=values(nickname="aoki"))
    ]
    path.write_text("aoki baba")
    assert len(await source.read(People())) == 2


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
        await FileSource("PEOPLE_PATH", path, storage, lines, records, MAP).read(People())

    assert english(raised.value) == f"PEOPLE_PATH {path} can't be read: {why}."


async def test_a_health_check_reads_a_small_file_and_only_looks_for_a_large_one(
    storage: Storage, tmp_path: Path
) -> None:
    broken, large = tmp_path / "broken.csv", tmp_path / "large.csv"
    broken.write_bytes(b"\xff\xfe")
    large.write_bytes(b"\xff" * (LARGEST_LOOK + 1))

    with raises(SourceError):
        await FileSource("CSV_PATH", str(broken), storage, parse, records, MAP).check()
    await FileSource("CSV_PATH", str(large), storage, parse, records, MAP).check()
    with raises(SourceError, match="can't be read"):
        await FileSource("CSV_PATH", str(tmp_path / "none.csv"), storage, parse, records, MAP).check()
