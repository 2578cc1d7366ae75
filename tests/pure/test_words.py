"""Codes and what fills their sentences, said in English: lists, numbers, phrases inside sentences, what is unknown."""

from dataclasses import asdict, replace
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action
from shared.model.parts import Parameter, Part, Parts, say, stored_parts, verbatim
from shared.model.runs import Mode, Run, Trigger
from shared.store.journal import JournalContent
from shared.words import said
from tests.support.people import change

TEXT = st.text(max_size=8)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


def some_parts(inside: st.SearchStrategy[Parts]) -> st.SearchStrategy[Parts]:
    parameters: st.SearchStrategy[Parameter] = TEXT | NUMBERS | inside | st.lists(TEXT, max_size=3).map(tuple)
    part = st.builds(Part, TEXT, st.dictionaries(TEXT, parameters, max_size=3))
    return st.lists(part, max_size=3).map(tuple)


PARTS = st.recursive(st.just(()), some_parts, max_leaves=4)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((), ""),
        (say("protected.guest") + say("undo.isBack"), "Guest of the tenant. Is back already."),
        (say("protected.role", role="User Administrator"), "Holds the directory role User Administrator."),
        (say("run.failed", count=3), "3 failed"),
        (
            say("limit.deletionsBelow", deletions=64, users=100, percent=64.0, limit=65),
            "64 of 100 users = 64% < 65%",
        ),
        (say("preCheck.grant", permissions=("a", "b")), "Not everything could be looked at: grant a and b."),
        (
            say("run.did", deeds=say("deed.added", count=1) + say("deed.deleted", count=2)),
            "Added 1, deleted 2",
        ),
        (say("undo.of", run="{run} of {by}"), "Undoes the sync {run} of {by}."),
    ],
    ids=["nothing", "two sentences", "text", "number", "share", "list", "phrases", "text with places"],
)
def test_parts_are_said_in_english(parts: Parts, text: str) -> None:
    assert said(parts) == text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (
            say("protected.guest") + say("undo.isBack"),
            "テナントのゲストです。すでに元に戻っています。",
        ),
        (
            say("value.tooLong", attribute="surname", length=70, longest=64),
            "姓が 70 文字あり、Entra の上限は 64 文字です。同期元で短くしてください。",
        ),
        (
            say(
                "run.outcome",
                clauses=say("run.did", deeds=say("deed.added", count=1)) + say("run.failed", count=2),
            ),
            "追加 1 人、失敗 2 人。",
        ),
        (say("graph.refused", text="No."), "Graph が要求を拒否しました。Graph の応答（英語）:「No.」"),
    ],
    ids=["two sentences", "name of an attribute", "phrases", "English from elsewhere"],
)
def test_parts_are_said_in_japanese(parts: Parts, text: str) -> None:
    assert said(parts, "ja") == text


def test_a_code_or_a_parameter_that_only_a_later_version_knows_hides_nothing() -> None:
    assert said(say("undo.later", run="r1") + say("undo.of")) == "undo.later Undoes the sync {run}."


@given(TEXT)
def test_what_an_earlier_version_stored_as_english_is_said_as_it_stands(text: str) -> None:
    assert said(stored_parts(text)) == said(verbatim(text)) == text


def test_a_journal_of_an_earlier_version_has_its_reasons_in_english() -> None:
    line = (
        b'{"intent":[{"action":"delete","upn":"aoki@contoso.com","display_name":"Aoki","object_id":"o1",'
        b'"source_id":null,"attributes":[],"reason":"In Entra only: the source has no such user.",'
        b'"obstacle":null,"via":null}]}\n'
    )

    (intended,) = JournalContent.parse(line).intents.values()

    assert intended.reason == verbatim("In Entra only: the source has no such user.")


@given(PARTS)
def test_a_journal_gives_back_the_reason_of_each_change(reason: Parts) -> None:
    leaver = replace(change(Action.DELETE), reason=reason)

    (read,) = JournalContent.parse(orjson.dumps({"intent": [asdict(leaver)]})).intents.values()

    assert read == leaver


@pytest.mark.parametrize(
    "parts",
    [
        verbatim("x" * 40_000),
        say("source.unreadable", setting="CSV_PATH", path="\ud800" * 40_000, why="é" * 40_000),
        say(
            "source.columnsMissing", source="s", line=1, missing=("x" * 40_000, "y"), columns=("x",) * 40_000
        ),
        say("match.twoAccounts", user="u", accounts=say("match.account", upn="x" * 40_000, objectId="i")),
        stored_parts([{"code": "verbatim", "parameters": {"text": "x" * 40_000}}]),
    ],
)
def test_of_a_text_from_elsewhere_500_characters_are_kept(parts: Parts) -> None:
    text = said(parts)

    assert "…" in text
    assert len(text.encode()) < 2_500
    assert parts == stored_parts(orjson.loads(orjson.dumps([asdict(part) for part in parts])))


@given(st.integers(0, 3))
def test_a_text_of_500_characters_is_kept_whole(more: int) -> None:
    text = said(verbatim("é" * (499 + more)))

    assert text == "é" * (499 + more) if more < 2 else text == "é" * 499 + "…"


@given(PARTS)
def test_parts_come_back_from_a_stored_run_as_they_were(parts: Parts) -> None:
    run = Run(
        id="r1", domain="contoso.com", mode=Mode.SYNC, trigger=Trigger.MANUAL, requested_by="mori",
        created_at=datetime(2026, 3, 1, tzinfo=UTC), message_parts=parts,
    )  # fmt: skip

    stored = run.model_dump_json(by_alias=True)

    assert Run.model_validate_json(stored).message_parts == parts
    assert stored_parts(run.model_dump(mode="json")["message_parts"]) == parts
