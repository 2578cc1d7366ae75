"""Who is never touched, and who is not deleted unseen."""

import pytest

from shared.model import EntraUser
from shared.protection import MAILBOX_PERMISSION, ROLE_PERMISSION, Protection
from tests.people import entra_user


@pytest.mark.parametrize(
    ("user", "protection", "reason"),
    [
        (entra_user(on_premises_synced=True), Protection(), "Active Directory"),
        (entra_user(guest=True), Protection(), "Guest"),
        (entra_user("AOKI@contoso.com"), Protection(frozenset({"aoki@contoso.com"})), "PROTECTED_USERS"),
        (entra_user(object_id="ID-1"), Protection(frozenset({"id-1"})), "PROTECTED_USERS"),
        (entra_user(), Protection(roles={"id-aoki": "User Administrator"}), "role User Administrator"),
        (entra_user(), Protection(mailboxes={"id-aoki": "shared"}), "shared mailbox"),
        (entra_user(), Protection(mailboxes={"id-aoki": "room"}), "meeting room"),
        (entra_user(), Protection(mailboxes={"id-aoki": "equipment"}), "equipment"),
    ],
)
def test_whoever_is_protected_is_left_alone_with_a_reason(
    user: EntraUser, protection: Protection, reason: str
) -> None:
    assert reason in protection.reason_not_to_touch(user)


@pytest.mark.parametrize("purpose", ["user", "linked", "others", "none"])
def test_a_persons_mailbox_protects_nobody(purpose: str) -> None:
    protection = Protection(mailboxes={"id-aoki": purpose})

    assert protection.reason_not_to_touch(entra_user()) == ""
    assert protection.reason_not_to_delete(entra_user()) == ""


def test_nobody_is_deleted_whose_mailbox_could_not_be_looked_at() -> None:
    protection = Protection(mailboxes={"id-somebody-else": "user"})

    assert "could not be looked at" in protection.reason_not_to_delete(entra_user())
    assert protection.reason_not_to_touch(entra_user()) == ""


@pytest.mark.parametrize(
    "missing", [(MAILBOX_PERMISSION,), (ROLE_PERMISSION,), (ROLE_PERMISSION, MAILBOX_PERMISSION)]
)
def test_without_the_permission_to_look_nobody_is_deleted_and_the_reason_names_it(
    missing: tuple[str, ...],
) -> None:
    reason = Protection(missing_permissions=missing).reason_not_to_delete(entra_user())

    assert all(name in reason for name in (*missing, "REQUIRE_DELETION_CHECKS"))


@pytest.mark.parametrize("missing", [(MAILBOX_PERMISSION,), (ROLE_PERMISSION,)])
def test_an_administrator_may_decide_to_delete_unseen_and_the_caveat_says_so(
    missing: tuple[str, ...],
) -> None:
    protection = Protection(missing_permissions=missing, require_deletion_checks=False)

    assert protection.reason_not_to_delete(entra_user()) == ""
    assert missing[0] in protection.caveat


def test_deleting_unseen_is_no_excuse_for_a_mailbox_that_failed_to_answer() -> None:
    protection = Protection(
        mailboxes={}, missing_permissions=(ROLE_PERMISSION,), require_deletion_checks=False
    )

    assert "could not be looked at" in protection.reason_not_to_delete(entra_user())


def test_there_is_no_caveat_when_everybody_could_be_looked_at() -> None:
    assert Protection(mailboxes={}).caveat == ""
