"""Access Control's exported CSV as the source: from a file or a blob, in every form it may have."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from azure.storage.blob import ContentSettings

from shared.source import files
from shared.store.storage import Storage
from tests.support.stack import Stack, StartStack, in_entra, in_source

COLUMNS = {
    "Username": "username",
    "UserPrincipalName": "user_principal_name",
    "Display Name": "display_name",
    "Family Name": "family_name",
    "Given Name": "given_name",
}


def export(*names: str, delimiter: str = ",") -> str:
    """Access Control's export of these people, all of them enabled."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    rows.writerow([*COLUMNS, "Status"])
    for person in map(in_source, names):
        rows.writerow([*(person[field] for field in COLUMNS.values()), "enabled"])
    return text.getvalue()


async def from_file(start_stack: StartStack, path: Path, *entra: str) -> Stack:
    return await start_stack(
        entra=[in_entra(name) for name in entra], settings={"SOURCE": "csv", "CSV_PATH": str(path)}
    )


@pytest.mark.parametrize("delimiter", [",", "\t"], ids=["comma", "tab"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
async def test_people_come_from_a_file(
    start_stack: StartStack, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(export("aoki", "baba", delimiter=delimiter).encode(encoding))
    stack = await from_file(start_stack, path, "baba")

    run = await stack.sync()

    assert (run.status, run.counts.add, run.counts.unchanged) == ("succeeded", 1, 1)
    assert stack.users()["aoki@contoso.com"]["displayName"] == "Aoki 太郎"


async def test_people_come_from_a_blob_of_the_apps_own_storage(start_stack: StartStack) -> None:
    stack = await start_stack(settings={"SOURCE": "csv", "CSV_PATH": "blob:exports/today/users.csv"})
    await upload(stack.services.storage, "exports", "today/users.csv", export("aoki"))

    run = await stack.sync()

    assert (run.status, list(stack.users())) == ("succeeded", ["aoki@contoso.com"])


async def upload(
    storage: Storage, container: str, name: str, content: str | bytes, coding: str | None = None
) -> None:
    blob = (await storage.open_container(container)).get_blob_client(name)
    body = content.encode() if isinstance(content, str) else content
    await blob.upload_blob(body, content_settings=ContentSettings(content_encoding=coding))


async def test_a_blob_may_be_zipped_once(start_stack: StartStack) -> None:
    stack = await start_stack(settings={"SOURCE": "csv", "CSV_PATH": "blob:exports/users.csv"})
    await upload(
        stack.services.storage, "exports", "users.csv", gzip.compress(export("aoki").encode()), "gzip"
    )

    run = await stack.sync()

    assert (run.status, list(stack.users())) == ("succeeded", ["aoki@contoso.com"])


@pytest.mark.parametrize(
    ("content", "coding", "why"),
    [
        (b"," * 1_000_001, None, "more than 0 MB"),
        (gzip.compress(b"," * 50_000_000), "gzip", "more than 0 MB"),
        (gzip.compress(gzip.compress(b",")), "gzip, gzip", "the content coding 'gzip, gzip'; one gzip at most is read"),
        (b",", "gzip", "damaged gzip"),
    ],
    ids=["too large", "too large unpacked", "zipped twice", "damaged"],
)  # fmt: skip
async def test_a_blob_is_bounded(
    monkeypatch: pytest.MonkeyPatch, start_stack: StartStack, content: bytes, coding: str | None, why: str
) -> None:
    monkeypatch.setattr(files, "LARGEST_FILE", 1_000_000)
    stack = await start_stack(
        entra=[in_entra("aoki")], settings={"SOURCE": "csv", "CSV_PATH": "blob:exports/users.csv"}
    )
    await upload(stack.services.storage, "exports", "users.csv", content, coding)

    run = await stack.sync()

    assert (run.status, stack.writes()) == ("failed", [])
    assert f"CSV_PATH blob:exports/users.csv can't be read: {why}" in run.message


async def test_a_file_is_bounded(
    monkeypatch: pytest.MonkeyPatch, start_stack: StartStack, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "LARGEST_FILE", 2 << 20)
    path = tmp_path / "users.csv"
    path.write_bytes(b"," * ((2 << 20) + 1))
    stack = await from_file(start_stack, path, "aoki")

    run = await stack.sync()

    assert run.message == f"CSV_PATH {path} can't be read: more than 2 MB. Nothing was applied."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (export(), "has no user at all"),
        (export("aoki") + "baba,baba@contoso.com\r\n", "line 3: 2 cells where the header has 6"),
        (export("aoki", "aoki"), "line 3: the username aoki stands there more than once, first at line 2"),
        (export("aoki").replace("Username", "Name"), "line 1: no column Username"),
        (export("aoki").replace("UserPrincipalName", "UPN of old"), "line 1: no column"),
    ],
)
async def test_a_broken_file_deletes_nobody_and_the_run_names_the_line(
    start_stack: StartStack, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "users.csv"
    path.write_text(content, encoding="utf-8", newline="")
    stack = await from_file(start_stack, path, "aoki", "baba")

    run = await stack.sync()

    assert (run.status, stack.writes()) == ("failed", [])
    assert message in run.message


async def test_a_file_that_is_not_there_is_named(start_stack: StartStack, tmp_path: Path) -> None:
    stack = await from_file(start_stack, tmp_path / "gone.csv", "aoki")

    run = await stack.sync()

    assert run.message == (
        f"CSV_PATH {tmp_path / 'gone.csv'} can't be read: No such file or directory. Nothing was applied."
    )


@pytest.mark.parametrize("line", ["x" * 40_000, "x," * 20_000, "\ud7ff" * 40_000])
async def test_a_first_line_of_40_000_characters_fails_with_its_reason(
    start_stack: StartStack, tmp_path: Path, line: str
) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"{line}\n{export('aoki')}", encoding="utf-8")
    stack = await from_file(start_stack, path, "baba")

    run = await stack.sync()

    assert run.status == "failed"
    assert "no column Username" in run.message
    assert len(run.message) < 2_000
