"""Whoever comes back gets their own account back, with mailbox and licences, and never somebody else's."""

import pytest

from tests.support.outcomes import ANY_DELETION, object_id, rows_of, treated
from tests.support.stack import Json, StartStack, in_entra, in_source

GONE = "00000000-0000-4000-8000-00000000000f"


class TestRestoring:
    @pytest.mark.parametrize(
        ("comes_back", "gone"),
        [
            (in_source("new", immutable_id="K1"), in_entra("old", onPremisesImmutableId="K1")),
            (in_source("old"), in_entra("old")),
            (in_source("OLD"), in_entra("old", onPremisesImmutableId="K1")),
        ],
        ids=["by immutable ID", "by former UPN", "by former UPN, whatever its case"],
    )
    async def test_takes_the_deleted_user_out_of_the_bin_and_updates_them(
        self, start_stack: StartStack, comes_back: Json, gone: Json
    ) -> None:
        licence = [{"skuId": "84a661c4-e949-4bd2-a560-ed7766fcaf2b", "disabledPlans": []}]
        stack = await start_stack(
            source=[{**comes_back, "display_name": "Back again"}],
            tenant={"deletedUsers": [{**gone, "id": GONE, "assignedLicenses": licence}]},
        )

        run = await stack.sync()

        assert await treated(stack, run) == {"old": ("restore", "succeeded")}
        changed = {row["attribute"]: row["after"] for row in await stack.audit_log(run)}
        assert changed["displayName"] == "Back again"
        (user,) = stack.users().values()
        assert (user["id"], user["displayName"], user["assignedLicenses"]) == (GONE, "Back again", licence)
        assert user["userPrincipalName"].lower() == str(comes_back["user_principal_name"]).lower()

    async def test_by_link_whom_an_administrator_had_deleted_by_hand(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        await stack.sync()
        account = object_id(stack, "aoki")
        stack.entra.directory.delete(stack.entra.directory.users[account])
        stack.access_control.users.edit("aoki", {"user_principal_name": "married@contoso.com"})

        await stack.sync()

        assert object_id(stack, "married") == account

    async def test_by_link_whom_an_earlier_sync_had_deleted(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki"), in_source("stays")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        await stack.sync()
        account = object_id(stack, "aoki")
        person = stack.access_control.users["aoki"]
        stack.access_control.users.remove("aoki")
        deleting = await stack.sync()
        stack.access_control.users.put(
            person.model_copy(update={"user_principal_name": "married@contoso.com"})
        )

        run = await stack.sync()

        assert (deleting.counts.delete, run.counts.restore) == (1, 1)
        assert object_id(stack, "married") == account

    async def test_prefers_the_one_deleted_last(self, start_stack: StartStack) -> None:
        long_ago = in_entra("aoki", deletedDateTime="2026-01-01T00:00:00Z")
        lately = in_entra("aoki", id=GONE, deletedDateTime="2026-02-01T00:00:00Z")
        stack = await start_stack(source=[in_source("aoki")], tenant={"deletedUsers": [long_ago, lately]})

        await stack.sync()

        assert object_id(stack, "aoki") == GONE


class TestSomebodyElsesMailbox:
    async def test_is_not_opened_by_a_name_that_was_given_away(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="NEW")],
            tenant={"deletedUsers": [in_entra("aoki", id=GONE, onPremisesImmutableId="OLD")]},
        )

        run = await stack.sync()

        assert await treated(stack, run) == {"aoki": ("add", "succeeded")}
        assert object_id(stack, "aoki") != GONE

    async def test_goes_to_whom_the_immutable_id_names_not_to_the_namesake(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki"), in_source("baba", immutable_id="K1")],
            tenant={"deletedUsers": [in_entra("aoki", id=GONE, onPremisesImmutableId="K1", _mailbox="none")]},
        )

        run = await stack.sync()

        assert (run.counts.restore, run.counts.add) == (1, 1)
        assert object_id(stack, "baba") == GONE


class TestRestoreDeletedUsersOff:
    async def test_adds_anew_as_the_product_does(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki")],
            tenant={"deletedUsers": [in_entra("aoki", id=GONE)]},
            settings={"RESTORE_DELETED_USERS": "false"},
        )

        run = await stack.sync()

        assert (await rows_of(stack, run))["aoki"]["action"] == "add"
        assert object_id(stack, "aoki") != GONE
        assert GONE in stack.entra.directory.deleted
