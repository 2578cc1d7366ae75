"""What of a run is kept of a person: what was sent, under every name that leads to them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.model.changes import Action, AttributeChange, Obstacle
from shared.model.history import Entry, digest, entry_of
from shared.model.parts import say, verbatim
from shared.model.results import NOT_LOOKED_AT, Outcome, Result
from shared.model.runs import Approval, Mode, Run, RunKind, Trigger
from tests.support.people import add, change, rename

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
SURNAME = AttributeChange("surname", "旧姓", "青木")
SURNAMES = (AttributeChange("surname", "旧姓", "青木"),)
RUN = Run(
    id="8204562098021-3a0b02ae",
    domain="contoso.com",
    mode=Mode.SYNC,
    trigger=Trigger.MANUAL,
    requested_by="admin",
    created_at=AT,
    approval=Approval(dry_run_id="d1", approved_by="boss", deletions=1),
)


def kept(outcome: Outcome, *, values: bool = False) -> Entry | None:
    return entry_of(RUN, outcome, AT, values=values)


def entry(outcome: Outcome, *, values: bool = False) -> Entry:
    found = kept(outcome, values=values)
    assert found is not None
    return found


def test_names_of_attributes_are_kept_and_values_only_where_that_is_wanted() -> None:
    done = Outcome(change=change(attributes=[SURNAME]), result=Result.SUCCEEDED, note=say("doubt.tookEffect"))

    named, valued = entry(done), entry(done, values=True)

    assert (named.attributes, named.values) == (("surname",), None)
    assert "旧姓" not in named.model_dump_json()
    assert valued.values == SURNAMES
    assert (named.by, named.approved_by, named.run_id, named.kind) == ("admin", "boss", RUN.id, RunKind.WHOLE)
    assert named.reason_parts == say("doubt.tookEffect")
    assert Entry.model_validate_json(valued.model_dump_json(by_alias=True)) == valued


def test_what_entra_refused_of_a_change_is_not_said_to_be_changed() -> None:
    refused = AttributeChange("mobilePhone", None, "1")
    done = Outcome(change=change(attributes=[SURNAME, refused]), result=Result.SUCCEEDED, refused=(refused,))

    assert entry(done, values=True).values == SURNAMES


@pytest.mark.parametrize("result", [Result.SUCCEEDED, Result.FAILED, Result.IN_DOUBT, Result.UNCHANGED])
def test_whatever_was_sent_is_kept(result: Result) -> None:
    assert entry(Outcome(change=change(), result=result)).result is result


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.not_sent(change(Action.SKIP)),
        Outcome.not_sent(change(obstacle=Obstacle("AddressTaken", verbatim("taken")))),
        Outcome.not_applied(change()),
        Outcome.planned(change()),
        Outcome.left(change(Action.DELETE), verbatim("changed since")),
        Outcome.failed(change(Action.DELETE), NOT_LOOKED_AT, verbatim("unread")),
    ],
)
def test_what_was_never_sent_is_not(outcome: Outcome) -> None:
    assert kept(outcome) is None


def test_an_entry_is_found_by_both_ids_and_by_the_upn_of_that_time() -> None:
    renamed = replace(rename("Old", "new"), object_id="O1", source_id="S1")
    added = Outcome(change=add(), result=Result.SUCCEEDED, object_id="o2")
    failed = Outcome(change=add(), result=Result.FAILED)

    assert entry(Outcome(change=renamed, result=Result.SUCCEEDED)).names == {"o1", "s1", "old@contoso.com"}
    assert entry(added).ids == {"o2", str(add().source_id)}
    assert entry(failed).ids == {str(add().source_id)}


def test_the_same_change_has_the_same_key_when_it_is_kept_again() -> None:
    done = Outcome(change=change(), result=Result.SUCCEEDED)
    later = entry_of(RUN, done, AT + timedelta(seconds=9), values=False)

    assert later is not None
    assert later.key == entry(done).key != entry(Outcome(change=add(), result=Result.SUCCEEDED)).key


def test_a_name_is_the_same_in_whatever_case() -> None:
    assert digest(" Aoki@Contoso.com ") == digest("aoki@contoso.com") != digest("baba@contoso.com")
