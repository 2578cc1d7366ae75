"""Who is not deleted after all, once both sides were read a second time."""

from dataclasses import replace

import pytest

from shared.model.changes import Action, Change
from shared.model.parts import verbatim
from shared.model.people import EntraUser
from shared.planning.deletions import second_verdict
from shared.planning.protection import MAILBOX_PERMISSION, Protection
from shared.words import said
from tests.support.people import change, entra_user, hold

LEAVES = change(Action.DELETE, object_id="id-aoki")
SEEN = Protection(mailboxes={"id-aoki": "user"})


def second(now: EntraUser | None, protection: Protection = SEEN) -> tuple[str, bool] | None:
    """Why the leaver stays, and whether only for want of a look; None if they are deleted."""
    leave = second_verdict(entra_user(), Action.DELETE, {"id-aoki": LEAVES}, {"id-aoki": now}, protection)
    return (said(leave.reason), leave.unseen) if leave else None


@pytest.mark.parametrize("now", [entra_user(), entra_user("AOKI@contoso.com"), None])
def test_who_is_as_the_first_look_saw_them_or_gone_is_deleted(now: EntraUser | None) -> None:
    assert second(now) is None


def test_whoever_is_called_differently_by_now_is_left() -> None:
    renamed = entra_user("new@contoso.com", object_id="id-aoki")

    assert second(renamed) == ("Not deleted: Entra names this user new@contoso.com now.", False)


def test_whoever_has_changed_otherwise_is_left() -> None:
    changed = ("Not deleted: this user has been changed in Entra since the run began.", False)

    assert second(replace(entra_user(), fingerprint=1)) == changed


@pytest.mark.parametrize(
    ("now", "protection", "reason"),
    [
        (entra_user(kind="onPremisesSynced"), SEEN, "Active Directory"),
        (entra_user(kind="guest"), SEEN, "Guest"),
        (entra_user(), replace(SEEN, roles={"id-aoki": "User Administrator"}), "User Administrator"),
        (entra_user(), replace(SEEN, protected_users=frozenset({"id-aoki"})), "PROTECTED_USERS"),
        (entra_user(), Protection(mailboxes={"id-aoki": "shared"}), "shared mailbox"),
        (entra_user(), replace(SEEN, holds={"id-aoki": hold("id-aoki")}), "On hold until 2026-12-05"),
        (
            entra_user(),
            replace(SEEN, holds={"id-aoki": hold("id-aoki", "delete")}),
            "On hold until 2026-12-05",
        ),
    ],
)
def test_whoever_is_no_person_by_now_is_left(now: EntraUser, protection: Protection, reason: str) -> None:
    left = second(now, protection)

    assert left is not None
    assert (reason in left[0], left[1]) == (True, False)


@pytest.mark.parametrize(
    "protection",
    [
        Protection(mailboxes={}),
        replace(SEEN, roles_unread=verbatim("Bad gateway.")),
        Protection(missing_permissions=(MAILBOX_PERMISSION,)),
    ],
)
def test_whoever_can_not_be_looked_at_again_is_left_and_that_is_a_failure(protection: Protection) -> None:
    left = second(entra_user(), protection)

    assert left is not None
    assert left[1]


def test_whoever_can_not_be_read_again_is_left_and_that_is_a_failure() -> None:
    leave = second_verdict(entra_user(), Action.DELETE, {"id-aoki": LEAVES}, {}, SEEN)

    assert leave is not None
    assert (said(leave.reason), leave.unseen) == (
        "Not deleted: Entra could not be asked about this user again.",
        True,
    )


@pytest.mark.parametrize(
    ("planned", "reason"),
    [
        (LEAVES, None),
        (change(Action.SKIP, object_id="id-aoki", reason="May be baba."), "May be baba."),
        (change(Action.UPDATE, object_id="id-aoki"), "Not deleted: the source has this user again."),
        (None, "Not deleted: the source has this user again."),
    ],
    ids=["still a leaver", "skipped now", "changed now", "equal now"],
)
def test_the_second_read_of_the_source_must_agree(planned: Change | None, reason: str | None) -> None:
    plan = {planned.object_id: planned} if planned else {}

    leave = second_verdict(entra_user(), Action.DELETE, plan, {"id-aoki": entra_user()}, SEEN)

    assert (leave and said(leave.reason)) == reason
    assert not (leave and leave.unseen)
