"""What on a domain is no person to synchronise, and what to do about each."""

from datetime import UTC, datetime

import pytest
from hypothesis import given

from shared.model.people import EntraUser
from shared.planning.holders import Holder
from shared.planning.protection import Protection
from shared.reports.pre_check import PreCheck, pre_check
from tests.support.companies import tenants
from tests.support.model_tenant import ModelTenant
from tests.support.people import DOMAIN, INITIAL_DOMAIN, entra_user, hold

NOW = datetime(2026, 11, 28, tzinfo=UTC)
NOTHING_PROTECTED = Protection()
RENAME = f"Update-MgUser -UserId id-aoki -UserPrincipalName 'aoki@{INITIAL_DOMAIN}'"
GROUP, APPLICATION = (
    Holder(object_id="g1", name="Sales", kind="group"),
    Holder(object_id="app1", name="Intranet", kind="application"),
)


def check(
    *users: EntraUser,
    protection: Protection = NOTHING_PROTECTED,
    others: tuple[tuple[str, Holder], ...] = (),
    active_directory: bool = False,
    missing: tuple[str, ...] = (),
) -> PreCheck:
    return pre_check(
        DOMAIN,
        users,
        protection,
        others,
        INITIAL_DOMAIN,
        as_of=NOW,
        active_directory=active_directory,
        missing=missing,
    )


class TestUsers:
    @pytest.mark.parametrize(
        ("user", "protection", "kind", "command"),
        [
            (entra_user(kind="onPremisesSynced"), Protection(), "onPremisesSynced", None),
            (entra_user(kind="restricted"), Protection(), "restricted", None),
            (entra_user(kind="guest"), Protection(), "guest", None),
            (entra_user(), Protection(mailboxes={"id-aoki": "shared"}), "sharedMailbox", RENAME),
            (entra_user(), Protection(mailboxes={"id-aoki": "room"}), "room", RENAME),
            (entra_user(), Protection(mailboxes={"id-aoki": "equipment"}), "equipment", RENAME),
            (entra_user(), Protection(roles={"id-aoki": "User Administrator"}), "roleHolder", RENAME),
            (entra_user(), Protection(mailboxes={"id-aoki": "others"}), "otherMailbox", None),
            (entra_user(kind="agent"), Protection(), "agent", None),
            (entra_user(kind="resourceAccount"), Protection(), "resourceAccount", None),
            (entra_user(), Protection(protected_users=frozenset({"aoki@contoso.com"})), "listed", None),
            (entra_user(), Protection(holds={"id-aoki": hold("id-aoki")}), "onHold", None),
            (entra_user(), Protection(holds={"id-aoki": hold("id-aoki", "delete")}), "onHold", None),
            (
                entra_user(),
                Protection(mailboxes={}, mailboxes_unread=frozenset({"id-aoki"})),
                "unknown",
                None,
            ),
        ],
    )
    def test_whoever_is_no_person_of_the_source_is_listed_by_kind(
        self, user: EntraUser, protection: Protection, kind: str, command: str | None
    ) -> None:
        (found,) = check(user, protection=protection).objects

        assert (found.kind, found.command, found.left_alone) == (kind, command, True)
        assert (found.name, found.address, found.object_id) == ("青木 花子", "aoki@contoso.com", "id-aoki")

    def test_a_person_is_not_listed(self) -> None:
        assert check(entra_user(), protection=Protection(mailboxes={"id-aoki": "user"})).objects == []

    @given(tenants())
    def test_whoever_the_sync_protects_is_listed_and_nobody_else(self, tenant: ModelTenant) -> None:
        users, protection = tenant.users.values(), tenant.protection

        found = check(*users, protection=protection).objects

        assert {one.object_id for one in found} == {
            user.object_id for user in users if protection.reason_not_to_touch(user)
        }

    def test_a_person_whose_mailbox_nobody_asked_for_is_not_listed(self) -> None:
        assert check(entra_user(), protection=Protection(mailboxes={"id-mori": "user"})).objects == []

    def test_a_name_with_an_apostrophe_stays_one_argument_of_the_command(self) -> None:
        admin = entra_user("o'hara@contoso.com", object_id="o1")

        (found,) = check(admin, protection=Protection(roles={"o1": "User Administrator"})).objects

        assert found.command == f"Update-MgUser -UserId o1 -UserPrincipalName 'o''hara@{INITIAL_DOMAIN}'"


class TestOthers:
    def test_a_group_keeps_its_address_from_users_and_an_application_the_domain_in_the_tenant(self) -> None:
        group, application = check(
            others=(("sales@contoso.com", GROUP), ("https://contoso.com/intranet", APPLICATION))
        ).objects

        assert (group.kind, group.name, group.address, group.object_id) == (
            "group", "Sales", "sales@contoso.com", "g1",
        )  # fmt: skip
        assert "can't be given to a user" in group.why
        assert (application.kind, application.action) == ("application", "Nothing for the sync.")


class TestNotice:
    def test_a_domain_with_people_only_says_so(self) -> None:
        assert check(entra_user()).notice == "Nothing on contoso.com but users to synchronise."

    def test_a_tenant_that_is_fed_from_active_directory_is_told_so(self) -> None:
        answer = check(entra_user(kind="onPremisesSynced"), active_directory=True)

        assert answer.active_directory
        assert answer.notice.startswith("This tenant synchronises users from Active Directory")

    def test_every_permission_that_is_missing_is_named_once(self) -> None:
        answer = check(
            entra_user(kind="guest"),
            protection=Protection(missing_permissions=("MailboxSettings.Read",)),
            missing=("MailboxSettings.Read", "Application.Read.All"),
        )

        assert answer.notice == (
            "Not everything could be looked at: grant MailboxSettings.Read and Application.Read.All."
        )


def test_the_summary_counts_by_kind() -> None:
    answer = check(
        entra_user("a@contoso.com", kind="guest"),
        entra_user("b@contoso.com", kind="guest"),
        others=(("sales@contoso.com", GROUP),),
    )

    assert answer.summary.objects == {"group": 1, "guest": 2}
    assert (answer.summary.notice, answer.summary.active_directory) == (answer.notice, False)
