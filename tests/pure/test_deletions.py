"""A deletion needs two reads that agree: the second one may find the person after all."""

from dataclasses import replace

import pytest

from shared.model.parts import verbatim
from shared.model.people import EntraUser, SourceUser
from shared.planning.deletions import second_verdict, source_people, still_in_source
from shared.planning.protection import MAILBOX_PERMISSION, Protection
from shared.words import said
from tests.support.people import entra_user, source_user


@pytest.mark.parametrize(
    "found",
    [
        source_user("AOKI@contoso.com", source_id="by-upn"),
        source_user("other@contoso.com", immutable_id="K"),
        source_user("other@elsewhere.com", source_id="linked"),
        source_user("", source_id="linked"),
    ],
    ids=["UPN", "immutable ID", "link", "link, without a UPN"],
)
def test_the_source_has_somebody_under_any_name(found: SourceUser) -> None:
    user = entra_user("aoki@contoso.com", immutable_id="K")

    assert still_in_source(user, source_people([found], {"linked": "id-aoki"}))


def test_the_source_does_not_have_whom_nothing_names() -> None:
    links = {"other": "id-other", "former": "id-aoki"}
    people = source_people([source_user("other@contoso.com"), source_user("", source_id="nobody")], links)

    assert not still_in_source(entra_user(), people)


def test_every_link_to_the_user_counts() -> None:
    links = {"former": "id-aoki", "present": "id-aoki"}

    assert still_in_source(entra_user(), source_people([source_user("b@x.com", source_id="present")], links))


NOBODY = source_people([], {})
SEEN = Protection(mailboxes={"id-aoki": "user"})


def second(now: EntraUser | None, protection: Protection = SEEN) -> tuple[str, bool] | None:
    """Why the leaver stays, and whether only for want of a look; None if they are deleted."""
    leave = second_verdict(entra_user(), NOBODY, {"id-aoki": now}, protection)
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
    leave = second_verdict(entra_user(), NOBODY, {}, SEEN)

    assert leave is not None
    assert (said(leave.reason), leave.unseen) == (
        "Not deleted: Entra could not be asked about this user again.",
        True,
    )


def test_whom_the_source_has_again_is_not_deleted_whatever_entra_says() -> None:
    leave = second_verdict(entra_user(), source_people([source_user()], {}), {}, SEEN)

    assert leave is not None
    assert (said(leave.reason), leave.unseen) == ("Not deleted: the source has this user again.", False)
