"""What the source has, over HTTP: as the newest reading has found it, masked."""

from pathlib import Path

from local.access_control import User as Person
from tests.support.stack import StartStack, in_entra, in_source

EXPORT = (
    "Username,Email Address,Family Name,Given Name,Display Name,Status,OTP Emergency Token\r\n"
    "taro,taro@contoso.com,山田,太郎,山田 太郎,enabled,83921746\r\n"
)


async def test_access_control_is_described_and_a_map_suggested(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("aoki")])

    answer = await stack.looked("source")

    found = answer.json()
    # With the built-in administrator.
    assert (answer.status_code, found["kind"], found["users"]) == (200, "hennge", 3)
    assert {one["attribute"] for one in found["suggested"]} >= {"sourceId", "userPrincipalName", "surname"}
    assert "aoki@contoso.com" not in answer.text
    (line,) = stack.events.named("source.described")
    assert line["users"] == 3


async def test_an_export_is_described_whatever_map_is_set(start_stack: StartStack, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(EXPORT, encoding="utf-8")
    settings = {"SOURCE": "csv", "CSV_PATH": str(path), "ATTRIBUTE_MAP": '{"surname": "Last Name"}'}
    stack = await start_stack(source=[], entra=[in_entra("aoki")], settings=settings)

    answer = await stack.looked("source")

    found = answer.json()
    assert (answer.status_code, found["kind"]) == (200, "csv")
    assert {"attribute": "surname", "field": "Family Name"}.items() <= found["suggested"][4].items()
    assert "83921746" not in answer.text


async def test_a_source_that_can_not_be_read_is_named(start_stack: StartStack, tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    stack = await start_stack(source=[], entra=[], settings={"SOURCE": "csv", "CSV_PATH": str(path)})

    answer = await stack.looked("source")

    assert answer.status_code == 502
    assert "none.csv" in answer.json()["detail"]


async def test_it_is_not_read_again_unless_a_later_reading_is_asked_for(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    await stack.dry_run()
    stack.access_control.requests.clear()

    found = (await stack.looked("source")).json()

    assert (found["version"], found["users"]) == (1, 2)
    assert stack.access_control.requests.calls == []
    stack.access_control.users.add(Person.model_validate(in_source("baba")))
    later = (await stack.looked("source?after=1")).json()
    assert (later["version"], later["users"]) == (2, 3)


async def test_with_read_live_it_is_read_for_the_answer(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[], settings={"READ": "live"})

    found = (await stack.get("source")).json()

    assert (found["version"], found["users"]) == (None, 2)
    assert await stack.readings() == 0
