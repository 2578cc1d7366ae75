"""Who is not deleted after all, once both sides were read a second time."""

import pytest

from shared.model.changes import Action, Change
from shared.planning.deletions import reason_to_leave, reason_to_stay
from shared.words import said
from tests.support.people import change, entra_user


@pytest.mark.parametrize(
    ("upn", "reason"),
    [
        ("AOKI@contoso.com", ""),
        (None, ""),
        ("new@contoso.com", "Not deleted: Entra names this user new@contoso.com now."),
    ],
    ids=["unchanged", "gone already", "renamed"],
)
def test_entra_must_still_know_the_user_by_the_same_name(upn: str | None, reason: str) -> None:
    assert said(reason_to_leave(entra_user(), upn)) == reason


@pytest.mark.parametrize(
    ("again", "reason"),
    [
        (change(Action.DELETE, object_id="id-aoki"), ""),
        (change(Action.SKIP, object_id="id-aoki", reason="May be baba."), "May be baba."),
        (change(Action.UPDATE, object_id="id-aoki"), "Not deleted: the source has this user again."),
        (None, "Not deleted: the source has this user again."),
    ],
    ids=["still a leaver", "skipped now", "changed now", "equal now"],
)
def test_the_second_read_of_the_source_must_agree(again: Change | None, reason: str) -> None:
    assert said(reason_to_stay(entra_user(), {"id-aoki": again} if again else {})) == reason
