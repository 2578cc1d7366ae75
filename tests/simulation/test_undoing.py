"""What the statement about undos sees."""

from typing import Any

import pytest

from local.entra import Entra, parse_seed
from shared.clock import Clock
from tests.simulation.audit_log import Line
from tests.simulation.graph import Effect, Performing
from tests.simulation.undoing import not_undone

UNDO = {"id": "undo", "undoes": "sync", "disableAdded": True}


def judged(*effects: Effect, now: dict[str, Any], rows: tuple[Line, ...] = ()) -> list[str]:
    entra = Entra(clock=Clock())
    user = {"id": "1", "userPrincipalName": "a@contoso.com", **now}
    entra.load(parse_seed({"domains": [{"id": "contoso.com"}], "users": [user]}))
    (account,) = entra.directory.users.values()
    return not_undone(UNDO, rows, {account.id: effects}, entra.directory)


def effect(
    before: dict[str, Any], after: dict[str, Any], *, run: str | None = "sync", deed: Any = "update"
) -> Effect:
    upn = {"userPrincipalName": "a@contoso.com"}
    by = Performing("contoso.com", run, 0.0) if run else None
    return Effect(1.0, 1.0, deed, "1", {**upn, **before}, {**upn, **after}, by)


RENAMED = effect({"displayName": "A"}, {"displayName": "B"})


def test_what_is_as_before_is_undone_and_what_is_not_is_named() -> None:
    assert judged(RENAMED, now={"displayName": "A"}) == []
    assert len(judged(RENAMED, now={"displayName": "B"})) == 1


def test_who_was_edited_meanwhile_is_not_held_against_it() -> None:
    by_hand = effect({"displayName": "B"}, {"displayName": "C"}, run=None)

    assert judged(RENAMED, by_hand, now={"displayName": "C"}) == []


@pytest.mark.parametrize("result", ["skipped", "failed", "inDoubt"])
def test_whom_a_row_names_with_a_reason_is_not_either(result: str) -> None:
    row = Line("undo", "update", result, "a@contoso.com", "1", "", "displayName")

    assert judged(RENAMED, now={"displayName": "B"}, rows=(row,)) == []


def test_whom_the_sync_added_is_disabled() -> None:
    added = effect({}, {"displayName": "A"}, deed="create")

    assert judged(added, now={"accountEnabled": False}) == []
    assert len(judged(added, now={"accountEnabled": True})) == 1
