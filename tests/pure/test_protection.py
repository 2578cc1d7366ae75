"""Who is never touched, and who is not deleted unseen."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import AttributeChange, Change
from shared.model.parts import verbatim
from shared.model.people import AccountKind, EntraUser
from shared.planning.protection import (
    ELIGIBLE_PERMISSION,
    GROUP_PERMISSION,
    MAILBOX_PERMISSION,
    ROLE_PERMISSION,
    Mailboxes,
    Protection,
    Roles,
)
from shared.words import said
from tests.support.people import change, entra_user, rename


@pytest.mark.parametrize(
    ("user", "protection", "reason"),
    [
        (
            entra_user(kind="onPremisesSynced"),
            Protection(),
            "Synchronised from Active Directory: it is changed there, not here.",
        ),
        (
            entra_user(kind="restricted"),
            Protection(),
            "Member of a restricted management administrative unit, in which Entra lets only its own "
            "administrators change anybody.",
        ),
        (entra_user(kind="guest"), Protection(), "Guest of the tenant."),
        (
            entra_user("AOKI@contoso.com"),
            Protection(protected_users=frozenset({"aoki@contoso.com"})),
            "Listed in PROTECTED_USERS or in the tenant's settings.",
        ),
        (
            entra_user(object_id="ID-1"),
            Protection(protected_users=frozenset({"id-1"})),
            "Listed in PROTECTED_USERS or in the tenant's settings.",
        ),
        (
            entra_user(),
            Protection(roles={"id-aoki": "User Administrator"}),
            "Holds the directory role User Administrator.",
        ),
        (entra_user(), Protection(mailboxes={"id-aoki": "shared"}), "Is a shared mailbox, not a person."),
        (entra_user(), Protection(mailboxes={"id-aoki": "room"}), "Is a meeting room, not a person."),
        (entra_user(), Protection(mailboxes={"id-aoki": "equipment"}), "Is equipment, not a person."),
        (entra_user(kind="agent"), Protection(), "Is an agent, not a person."),
        (
            entra_user(kind="resourceAccount"),
            Protection(),
            "Is a resource account, such as one of a Teams call queue, not a person.",
        ),
        *(
            (
                entra_user(),
                Protection(mailboxes={"id-aoki": purpose}),
                f"Its mailbox has the purpose {purpose}, which is no person's own.",
            )
            for purpose in ("linked", "others", "unknownFutureValue", "User", "a value of next year")
        ),
    ],
)
def test_whoever_is_protected_is_left_alone_with_a_reason(
    user: EntraUser, protection: Protection, reason: str
) -> None:
    assert said(protection.reason_not_to_touch(user)) == reason


def test_a_list_of_protected_users_protects_nobody_else() -> None:
    protection = Protection(
        protected_users=frozenset({"mori@contoso.com", "id-mori"}), roles={"id-mori": "User Administrator"}
    )

    assert protection.reason_not_to_touch(entra_user()) == ()


@pytest.mark.parametrize("purpose", ["user", "none"])
def test_a_persons_mailbox_protects_nobody(purpose: str) -> None:
    protection = Protection(mailboxes={"id-aoki": purpose})

    assert protection.reason_not_to_touch(entra_user()) == ()
    assert protection.reason_not_to_delete(entra_user()) == ()


def test_nobody_is_deleted_whose_mailbox_could_not_be_looked_at() -> None:
    protection = Protection(mailboxes={"id-somebody-else": "user"})

    assert said(protection.reason_not_to_delete(entra_user())) == (
        "Skipped unseen: its mailbox could not be looked at in this run."
    )
    assert protection.reason_not_to_touch(entra_user()) == ()


@pytest.mark.parametrize(
    "missing", [(MAILBOX_PERMISSION,), (ROLE_PERMISSION,), (ROLE_PERMISSION, MAILBOX_PERMISSION)]
)
def test_without_the_permission_to_look_nobody_is_deleted_and_the_reason_names_it(
    missing: tuple[str, ...],
) -> None:
    reason = Protection(missing_permissions=missing).reason_not_to_delete(entra_user())

    assert said(reason) == (
        f"Not deleted unseen: without {' and '.join(missing)} the app can't tell whether this is an administrator, a "
        "shared mailbox or a room. Grant the permission, or set REQUIRE_DELETION_CHECKS=false."
    )


@pytest.mark.parametrize("missing", [(MAILBOX_PERMISSION,), (ROLE_PERMISSION, MAILBOX_PERMISSION)])
def test_an_administrator_may_decide_to_delete_unseen_and_the_caveat_says_so(
    missing: tuple[str, ...],
) -> None:
    protection = Protection(missing_permissions=missing, require_deletion_checks=False)

    assert protection.reason_not_to_delete(entra_user()) == ()
    assert said(protection.caveat) == (
        f"Not looked at first, without {' and '.join(missing)} (REQUIRE_DELETION_CHECKS=false)."
    )


def test_deleting_unseen_is_no_excuse_for_a_mailbox_that_failed_to_answer() -> None:
    protection = Protection(
        mailboxes={}, missing_permissions=(ROLE_PERMISSION,), require_deletion_checks=False
    )

    assert "could not be looked at" in said(protection.reason_not_to_delete(entra_user()))


BLOCK = change(attributes=[AttributeChange("accountEnabled", True, False)])
RENAME = rename("aoki", "married")
UPDATE = change(attributes=[AttributeChange("displayName", "a", "b")])
# Tried in one step, which Entra refuses for an administrator; and by way of a temporary UPN.
DIRECT = replace(
    change(attributes=[AttributeChange("onPremisesImmutableId", None, "K")], via="away@contoso.com"),
    direct_first=True,
)
DETOUR = replace(DIRECT, direct_first=False)


@pytest.mark.parametrize(
    ("protection", "held"),
    [
        (Protection(), []),
        (Protection(roles_unread=verbatim("Refused.")), [BLOCK, RENAME, DETOUR]),
        (
            Protection(roles_unread=verbatim("Refused."), require_deletion_checks=False),
            [BLOCK, RENAME, DETOUR],
        ),
        (Protection(missing_permissions=(ROLE_PERMISSION,)), [BLOCK, RENAME, DETOUR]),
        (Protection(missing_permissions=(GROUP_PERMISSION,)), [BLOCK, RENAME, DETOUR]),
        (Protection(missing_permissions=(MAILBOX_PERMISSION,)), [BLOCK]),
        (Protection(missing_permissions=(ROLE_PERMISSION,), require_deletion_checks=False), []),
        (Protection(purposes_told=False), [BLOCK]),
        (Protection(purposes_told=False, roles_unread=verbatim("Refused.")), [BLOCK, RENAME, DETOUR]),
        (Protection(purposes_told=False, require_deletion_checks=False), []),
        (Protection(eligible_members_seen=False), []),
        (Protection(mailboxes={"id-mori": "user"}), [BLOCK, RENAME, DETOUR, DIRECT, UPDATE]),
        (Protection(mailboxes={"id-aoki": "user"}), []),
    ],
)
def test_an_unknown_keeps_a_person_from_what_it_could_forbid(
    protection: Protection, held: list[Change]
) -> None:
    changes = [BLOCK, RENAME, DETOUR, DIRECT, UPDATE]

    assert [c for c in changes if protection.reason_not_to_change(entra_user(), c)] == held
    assert bool(protection.reason_not_to_delete(entra_user())) == bool(held)


@pytest.mark.parametrize(
    ("required", "warning"),
    [(True, "Nobody is deleted or blocked."), (False, "Deletions were not looked at.")],
)
def test_a_cloud_that_tells_nobodys_purpose_is_an_impossible_look(required: bool, warning: str) -> None:
    protection = Protection(require_deletion_checks=required).with_mailboxes(Mailboxes(told=False))

    assert said(protection.warnings).endswith(warning)
    assert protection.verdict(entra_user()).kind == "person"
    assert ("unseen" in said(protection.reason_not_to_delete(entra_user()))) is required
    assert "does not tell" in said(protection.caveat)


def test_eligible_members_that_nobody_could_see_are_a_warning_and_no_more() -> None:
    protection = Protection().with_roles(Roles({}, eligible_members_seen=False))

    assert ELIGIBLE_PERMISSION in said(protection.warnings)
    assert protection.reason_not_to_delete(entra_user()) == ()


PURPOSES = (
    st.sampled_from(["user", "none", "shared", "room", "linked", "others", "unknownFutureValue"]) | st.text()
)


@given(
    st.builds(entra_user, kind=st.sampled_from(get_args(AccountKind))),
    st.none() | st.dictionaries(st.sampled_from(["id-aoki", "id-mori"]), PURPOSES),
    st.dictionaries(st.sampled_from(["id-aoki", "id-mori"]), st.just("User Administrator")),
    st.sets(st.sampled_from(["aoki@contoso.com", "id-aoki", "mori@contoso.com"])),
    st.booleans(),
)
def test_only_a_person_who_was_seen_is_written_to_and_everybody_else_is_told_why(
    user: EntraUser,
    mailboxes: dict[str, str] | None,
    roles: dict[str, str],
    protected: set[str],
    required: bool,
) -> None:
    protection = Protection(
        protected_users=frozenset(protected),
        roles=roles,
        mailboxes=mailboxes,
        require_deletion_checks=required,
    )
    verdict = protection.verdict(user)

    person = user.kind == "person" and "id-aoki" not in roles and "aoki@contoso.com" not in protected
    person &= "id-aoki" not in protected
    assert (verdict.kind == "person") == (
        person and (mailboxes is None or mailboxes.get("id-aoki") in ("user", "none"))
    )
    assert (verdict.kind == "unknown") == (person and mailboxes is not None and "id-aoki" not in mailboxes)
    assert bool(verdict.reason) == (verdict.kind != "person")
    for reason in (
        protection.reason_not_to_delete(user),
        *(protection.reason_not_to_change(user, one) for one in (BLOCK, RENAME, UPDATE)),
    ):
        assert reason == verdict.reason


def test_what_could_not_be_looked_at_is_said_once() -> None:
    protection = Protection(
        roles_unread=verbatim("Bad gateway."),
        mailboxes={},
        mailboxes_unread=frozenset("ab"),
        exchange_online=False,
    )

    assert tuple(said((warning,)) for warning in protection.warnings) == (
        "Who holds a directory role could not be read in this run: nobody is deleted, blocked or renamed. Bad gateway.",
        "The tenant has no Exchange Online, so there are no mailboxes to look at.",
        "Mailboxes that could not be looked at in this run: 2. Their users are skipped.",
    )
    assert Protection(mailboxes={"id-aoki": "user"}).warnings == ()


def test_there_is_no_caveat_when_everybody_could_be_looked_at() -> None:
    assert Protection(mailboxes={}).caveat == ()
