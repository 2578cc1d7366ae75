"""What people complain about who run such syncs: one scenario per complaint, and what happens here instead."""

from local.access_control import Fault
from tests.support.outcomes import ANY_DELETION, approved_sync, errors_of, names, object_id, rows_of, treated
from tests.support.stack import StartStack, in_entra, in_source

PEOPLE = [f"user{number}" for number in range(10)]


class TestAFailedOrPartialReadBecomesMassDeletion:
    async def test_a_page_that_can_not_be_read_stops_the_run_before_it_plans(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name) for name in PEOPLE],
            entra=[in_entra(name) for name in PEOPLE],
            access_control={"pageSize": 4},
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        stack.access_control.faults.add(Fault(kind="invalidJson", page=2))

        run = await stack.sync()

        assert (run.status, stack.writes()) == ("failed", [])
        assert run.message.endswith("Nothing was applied.")

    async def test_a_list_that_quietly_lacks_people_deletes_none_of_them(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name) for name in PEOPLE],
            entra=[in_entra(name) for name in PEOPLE],
            access_control={"pageSize": 4},
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        stack.access_control.faults.add(Fault(kind="endsEarly", page=1, nth=1))

        run = await stack.sync()

        assert (run.counts.delete, run.counts.skipped, names(stack.users())) == (0, 7, set(PEOPLE))


class TestNoDryRunOrOneThatDoesNotSayWhatTheLimitWouldDecide:
    async def test_the_dry_run_says_it_with_the_arithmetic_and_the_sync_does_it(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name) for name in PEOPLE[:7]], entra=[in_entra(name) for name in PEOPLE]
        )

        foretold = await stack.dry_run()
        done = await stack.sync()

        assert foretold.message.endswith("3 of 10 users = 30% ≥ 20%: a sync would be cancelled.")
        assert foretold.deletion_check == done.deletion_check
        assert (done.status, stack.writes()) == ("cancelled", [])


class TestLimitsThatBlockALegitimateRunWithNoOneOffRelease:
    async def test_a_release_is_for_one_list_and_the_limit_stays_for_the_next(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name) for name in PEOPLE[:7]], entra=[in_entra(name) for name in PEOPLE]
        )

        blocked = await stack.sync()
        released = await approved_sync(stack, await stack.dry_run())
        for name in PEOPLE[5:7]:
            stack.access_control.users.remove(name)
        next_one = await stack.sync()

        assert [blocked.status, released.status, next_one.status] == ["cancelled", "succeeded", "cancelled"]
        assert names(stack.users()) == set(PEOPLE[:7])


class TestItDeletesThingsItDidNotCreate:
    async def test_rooms_shared_mailboxes_and_administrators_outlive_the_leaver(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("stays")],
            entra=[
                in_entra("stays"),
                in_entra("leaver"),
                in_entra("room", _mailbox="room"),
                in_entra("projector", _mailbox="equipment"),
                in_entra("info", _mailbox="shared"),
                in_entra("admin", _roles=["Global Administrator"]),
            ],
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        run = await stack.sync()

        assert run.counts.delete == 1
        assert names(stack.users()) == {"stays", "room", "projector", "info", "admin"}


class TestARenameBecomesDeleteAndAdd:
    async def test_an_edited_upn_keeps_the_account_and_its_mailbox(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("baba")])
        await stack.sync()
        account = object_id(stack, "aoki")
        stack.access_control.users.edit("aoki", {"user_principal_name": "married@contoso.com"})
        stack.entra.requests.clear()

        run = await stack.sync()

        assert await treated(stack, run) == {"aoki": ("rename", "succeeded")}
        assert stack.writes() == [f"PATCH /users/{account}"]
        assert object_id(stack, "married") == account


class TestOneBadUserAbortsTheRunAndFaultsAreFoundOneAtATime:
    async def test_one_dry_run_names_every_fault_and_the_sync_passes_over_them(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[
                in_source("long", given_name="x" * 65),
                in_source("odd!)"),
                in_source("sales"),
                in_source("good"),
            ],
            tenant={"groups": [{"displayName": "Sales", "proxyAddresses": ["SMTP:sales@contoso.com"]}]},
        )

        foretold = await stack.dry_run()
        done = await stack.sync()

        expected = {"long": "ValueTooLong", "odd!)": "InvalidValue", "sales": "AddressTaken"}
        assert await errors_of(stack, foretold) == expected
        assert (await errors_of(stack, done)).keys() == expected.keys()
        assert names(stack.users()) == {"good"}


class TestRecycleBinConflictsThatDoNotSayWhichUser:
    async def test_the_dry_run_names_the_deleted_user_who_blocks_an_immutable_id(
        self, start_stack: StartStack
    ) -> None:
        gone = in_entra("former", id="00000000-0000-4000-8000-00000000000f", onPremisesImmutableId="K1")
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="K1")],
            tenant={"deletedUsers": [gone]},
            settings={"RESTORE_DELETED_USERS": "false"},
        )

        row = (await rows_of(stack, await stack.dry_run()))["aoki"]

        assert (row["action"], row["errorCode"]) == ("add", "ImmutableIdTaken")
        assert "deleted user former@contoso.com (00000000-0000-4000-8000-00000000000f)" in row["errorMessage"]

    async def test_also_for_somebody_who_is_there_already(self, start_stack: StartStack) -> None:
        gone = in_entra("former", id="00000000-0000-4000-8000-00000000000f", onPremisesImmutableId="K1")
        stack = await start_stack(
            source=[in_source("aoki", immutable_id="K1")],
            entra=[in_entra("aoki")],
            tenant={"deletedUsers": [gone]},
        )

        row = (await rows_of(stack, await stack.dry_run()))["aoki"]

        assert (row["action"], row["errorCode"]) == ("update", "ImmutableIdTaken")
        assert "deleted user former@contoso.com (00000000-0000-4000-8000-00000000000f)" in row["errorMessage"]

    async def test_and_who_has_the_address_of_somebody_to_be_restored(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki")],
            tenant={
                "deletedUsers": [
                    in_entra("aoki", proxyAddresses=["SMTP:aoki@contoso.com", "smtp:a@contoso.com"])
                ],
                "groups": [{"displayName": "Team A", "proxyAddresses": ["SMTP:a@contoso.com"]}],
            },
        )

        row = (await rows_of(stack, await stack.dry_run()))["aoki"]

        assert (row["action"], row["errorCode"]) == ("restore", "AddressTaken")
        assert "a@contoso.com is taken by the group Team A" in row["errorMessage"]
