"""The audit log: a CSV that a spreadsheet opens and that says how everything ended."""

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import get_args

import orjson
import pytest

from shared.model.changes import Action, AttributeChange, Change
from shared.model.parts import Language, Parts, say, verbatim
from shared.model.results import Outcome, Result
from shared.model.runs import Counts, Mode
from shared.reports.audit_csv import COLUMNS, count, header, render
from shared.store.outcomes import outcome_document, read_outcome
from tests.support.people import add, change

LANGUAGES: tuple[Language, ...] = get_args(Language)
MORNING = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=9)))


def outcome(
    of_whom: Change, result: Result = Result.SUCCEEDED, note: Parts = (), object_id: str | None = None
) -> Outcome:
    return Outcome(change=of_whom, result=result, object_id=object_id, note=note)


def rows(*outcomes: Outcome) -> list[dict[str, str]]:
    text = (header() + render(outcomes, "r1", "contoso.com", Mode.SYNC, MORNING)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_an_update_byte_for_byte() -> None:
    update = change(attributes=[AttributeChange("surname", None, "青木, 花")])

    assert (
        render([outcome(update)], "r1", "contoso.com", Mode.SYNC, MORNING)
        == (
            "r1,2026-03-01T00:30:00.000Z,contoso.com,sync,update,succeeded,"
            'aoki@contoso.com,青木 花子,id-aoki,aoki,surname,,"青木, 花",,,,\r\n'
        ).encode()
    )


def test_the_language_decides_reason_and_message_and_nothing_else() -> None:
    leaver = replace(change(Action.DELETE), reason=say("leaver.notInSource"))
    refused = Outcome.failed(leaver, "Request_BadRequest", say("graph.refused", text="No."))

    rendered = [render([refused], "r1", "contoso.com", Mode.SYNC, MORNING, each) for each in LANGUAGES]
    one, other = (next(csv.reader([text.decode()])) for text in rendered)

    differing = [column for column, a, b in zip(COLUMNS, one, other, strict=True) if a != b]
    assert differing == ["reason", "errorMessage"]
    assert other[COLUMNS.index("reason")] == "Entra にのみ存在し、同期元に該当するユーザーがいません。"


def test_the_header_begins_with_a_bom_so_that_a_spreadsheet_shows_japanese_names() -> None:
    assert header() == b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"


@pytest.mark.parametrize("action", [Action.ADD, Action.UPDATE, Action.RENAME])
def test_there_is_one_row_for_each_changed_attribute(action: Action) -> None:
    attributes = [AttributeChange("surname", "a", "b"), AttributeChange("accountEnabled", True, False)]

    written = rows(outcome(change(action, attributes=attributes)))

    assert [(row["attribute"], row["before"], row["after"]) for row in written] == [
        ("surname", "a", "b"),
        ("accountEnabled", "true", "false"),
    ]


def test_a_restore_has_a_row_and_one_more_for_each_attribute_that_it_changes() -> None:
    restored = change(Action.RESTORE, attributes=[AttributeChange("surname", "a", "b")])

    assert [row["attribute"] for row in rows(outcome(restored))] == ["", "surname"]


def test_a_restore_that_changes_nothing_more_has_one_row() -> None:
    assert [row["attribute"] for row in rows(outcome(change(Action.RESTORE)))] == [""]


@pytest.mark.parametrize("action", [Action.DELETE, Action.SKIP])
def test_there_is_one_row_with_a_reason_for_everything_else(action: Action) -> None:
    of_whom = change(action, attributes=[AttributeChange("surname", "a", "b")], reason="Guest of the tenant.")

    (row,) = rows(outcome(of_whom, note=verbatim("Was gone already.")))

    assert (row["attribute"], row["reason"]) == ("", "Guest of the tenant. Was gone already.")


def test_an_attribute_that_was_refused_alone_has_a_row_of_its_own() -> None:
    refused = AttributeChange("onPremisesImmutableId", None, "K")
    ended = Outcome(
        change=change(attributes=[AttributeChange("surname", "a", "b")]),
        result=Result.SUCCEEDED,
        refused=(refused,),
        error_code="InvalidValue",
        error_message=verbatim("Invalid value."),
    )

    written = rows(ended)

    assert [(row["attribute"], row["result"], row["errorCode"], row["errorMessage"]) for row in written] == [
        ("onPremisesImmutableId", "failed", "InvalidValue", "Invalid value."),
        ("surname", "succeeded", "", ""),
    ]
    assert read_outcome(orjson.loads(orjson.dumps(outcome_document(ended))), ended.change) == ended


def test_a_created_user_is_listed_with_the_object_id_they_got() -> None:
    written = rows(outcome(add(), object_id="o1"))

    assert {row["objectId"] for row in written} == {"o1"}


@pytest.mark.parametrize("start", [*"=+-@＝＋－＠", "\t", "\r"])
def test_what_a_spreadsheet_would_take_for_a_formula_gets_an_apostrophe(start: str) -> None:
    (row,) = rows(outcome(change(Action.SKIP, display_name=f"{start}SUM(1)")))

    assert row["displayName"] == f"'{start}SUM(1)"


@pytest.mark.parametrize(
    ("action", "result", "counted"),
    [
        (Action.DELETE, Result.SUCCEEDED, {"delete": 1}),
        (Action.RESTORE, Result.PLANNED, {"restore": 1}),
        (Action.DELETE, Result.SKIPPED, {"skipped": 1}),
        (Action.ADD, Result.FAILED, {"failed": 1}),
        (Action.ADD, Result.NOT_APPLIED, {}),
    ],
)
def test_everybody_is_counted_once_by_how_it_ended(
    action: Action, result: Result, counted: dict[str, int]
) -> None:
    counts = count(Counts(source=7), action, result)

    assert counts == Counts(source=7, **counted)
