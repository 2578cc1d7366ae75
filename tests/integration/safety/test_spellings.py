"""Access Control's export as HENNGE documents it, and other spellings: the product's words lead to a map that works."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.access_control.users import CsvDelimiter, User, Users
from shared.model.runs import Run
from tests.support.outcomes import treated
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

FEDERATED = [{"id": CONTOSO, "authenticationType": "Federated"}]


def export(*people: dict[str, Any], delimiter: CsvDelimiter = ",") -> str:
    """What *Download All* gives for these people."""
    users = Users()
    for person in people:
        users.add(User.model_validate(person))
    return users.csv("utf-8", delimiter).decode()


def map_in(run: Run) -> dict[str, str]:
    """The map that the run's words name."""
    found = re.search(r"in ATTRIBUTE_MAP[^:]*: (\{.*?\})", " ".join((run.message, *run.warnings)))
    assert found, (run.message, run.warnings)
    named: dict[str, str] = json.loads(found[1])
    return named


@pytest.mark.parametrize("delimiter", [",", "\t"], ids=["CSV", "TSV"])
@pytest.mark.parametrize("last", ["Microsoft Immutable ID", "Microsoft Immutable"])
async def test_the_documented_export_creates_everybody_on_a_federated_domain(
    start_stack: StartStack, tmp_path: Path, delimiter: CsvDelimiter, last: str
) -> None:
    people = [in_source(name, immutable_id=f"{name}==") for name in ("aoki", "baba")]
    people.append(in_source("chiba", immutable_id="chiba==", status="disabled", email="mail@contoso.com"))
    path = tmp_path / "users.csv"
    path.write_text(export(*people, delimiter=delimiter).replace("Microsoft Immutable ID", last), "utf-8")
    stack = await start_stack(domains=FEDERATED, settings={"SOURCE": "csv", "CSV_PATH": str(path)})

    run = await stack.sync()

    assert (run.status, run.counts.add, run.warnings) == ("succeeded", 3, ())
    users = stack.users()
    assert {upn: user["onPremisesImmutableId"] for upn, user in users.items()} == {
        f"{name}@{CONTOSO}": f"{name}==" for name in ("aoki", "baba", "chiba")
    }
    assert [users[f"{name}@{CONTOSO}"]["accountEnabled"] for name in ("aoki", "chiba")] == [True, False]
    assert (await stack.sync()).counts.unchanged == 3


async def test_a_rename_out_of_an_export_is_said_as_such(start_stack: StartStack, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(export(in_source("aoki", immutable_id="K") | {"user_principal_name": "new@contoso.com"}))
    stack = await start_stack(
        entra=[in_entra("aoki", onPremisesImmutableId="K")],
        settings={"SOURCE": "csv", "CSV_PATH": str(path)},
    )

    run = await stack.dry_run()

    (reason,) = {row["reason"] for row in await stack.audit_log(run) if row["action"] == "rename"}
    assert "The new UPN comes from the email address, which may be no UPN" in reason


async def with_map(start_stack: StartStack, attribute_map: dict[str, str], **settings: str) -> Stack:
    return await start_stack(
        source=[in_source("aoki", status="disabled"), in_source("baba"), in_source("chiba")],
        entra=[in_entra("chiba")],
        access_control={"keys": "inverted"},
        settings={"ATTRIBUTE_MAP": json.dumps(attribute_map), **settings},
    )


@pytest.mark.parametrize("mode", ["leave", "follow"])
async def test_the_run_names_an_inverted_flag_and_with_it_the_disabled_are_created_blocked(
    start_stack: StartStack, mode: str
) -> None:
    first = await (await with_map(start_stack, {}, SIGN_IN=mode)).dry_run()
    assert first.status == ("succeeded" if mode == "leave" else "failed")
    assert map_in(first) == {"accountEnabled": "!isDisabled"}

    stack = await with_map(start_stack, map_in(first), SIGN_IN=mode)
    run = await stack.sync()

    assert (run.status, run.warnings) == ("succeeded", ())
    assert (await treated(stack, run)).keys() == {"aoki", "baba"}
    assert [stack.users()[f"{name}@{CONTOSO}"]["accountEnabled"] for name in ("aoki", "baba")] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (
            "Login ID,Primary Email,Last Name,First Name,Full Name,Suspended,Source Anchor",
            {
                "sourceId": "Login ID",
                "userPrincipalName": "Primary Email",
                "onPremisesImmutableId": "Source Anchor",
                "displayName": "Full Name",
                "givenName": "First Name",
                "surname": "Last Name",
                "accountEnabled": "!Suspended",
            },
        ),
        (
            "Username,Email,Last Name,First Name,Display Name,Is Active,Immutable ID",
            {"givenName": "First Name", "surname": "Last Name", "accountEnabled": "Is Active"},
        ),
    ],
)
async def test_each_step_follows_only_what_the_run_says(
    start_stack: StartStack, tmp_path: Path, header: str, named: dict[str, str]
) -> None:
    path = tmp_path / "users.csv"
    flag = "true" if "Active" in header else "false"
    path.write_text(f"{header}\r\naoki,aoki@contoso.com,Aoki,太郎,Aoki 太郎,{flag},aoki==\r\n", "utf-8")
    settings = {"SOURCE": "csv", "CSV_PATH": str(path), "SIGN_IN": "leave"}
    first = await (await start_stack(settings=settings)).dry_run()
    assert map_in(first) == named

    stack = await start_stack(settings={**settings, "ATTRIBUTE_MAP": json.dumps(map_in(first))})
    run = await stack.sync()

    assert (run.status, run.counts.add, run.warnings) == ("succeeded", 1, ())
    user = stack.users()["aoki@contoso.com"]
    assert (user["surname"], user["givenName"], user["accountEnabled"]) == ("Aoki", "太郎", True)
    assert user["mailNickname"] == "aoki"
