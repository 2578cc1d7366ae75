"""A field that comes empty for everybody: nothing is removed until an administrator has looked."""

import json

from tests.support.outcomes import FABRIKAM, TWO_DOMAINS, approved_sync, treated
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

PEOPLE = [f"user{number}" for number in range(4)]


def fill(stack: Stack, **fields: str) -> None:
    """Gives everybody in the source these values."""
    for name in PEOPLE:
        user = stack.access_control.users[name]
        stack.access_control.users.put(user.model_copy(update=fields))


def surnames(stack: Stack) -> list[object]:
    return [user.get("surname") for user in stack.users().values()]


async def synchronised(start_stack: StartStack) -> Stack:
    """After a good sync; of four people no percentage is the limit's, which allows five."""
    stack = await start_stack(
        source=[in_source(name) for name in PEOPLE], entra=[in_entra(name) for name in PEOPLE]
    )
    await stack.sync()
    return stack


class TestAFieldThatWasFilledAtTheLastGoodSync:
    async def test_stops_with_its_name_and_ends_when_it_is_filled_again(
        self, start_stack: StartStack
    ) -> None:
        stack = await synchronised(start_stack)
        fill(stack, family_name="")

        stopped = [await stack.sync(), await stack.sync()]
        fill(stack, family_name="Again")
        done = await stack.sync()

        assert [run.status for run in stopped] == ["cancelled", "cancelled"]
        assert all("in Family Name, and 4 values of family name" in run.message for run in stopped)
        assert all("approve what a dry run lists (kinds: clear)" in run.message for run in stopped)
        assert set((await treated(stack, stopped[1])).values()) == {("update", "notApplied")}
        assert (done.status, surnames(stack)) == ("succeeded", ["Again"] * 4)

    async def test_can_be_emptied_on_purpose_by_one_approval(self, start_stack: StartStack) -> None:
        stack = await synchronised(start_stack)
        fill(stack, family_name="")

        dry_run = await stack.dry_run()
        without = await approved_sync(stack, dry_run)
        done = await approved_sync(stack, dry_run, kinds=["clear"])
        later = await stack.sync()

        rows = await stack.audit_log(dry_run)
        assert {(row["attribute"], row["after"], row["result"]) for row in rows} == {
            ("surname", "", "planned")
        }
        assert dry_run.message.endswith("a sync would be cancelled.")
        assert [without.status, done.status, later.status] == ["cancelled", "succeeded", "succeeded"]
        assert surnames(stack) == [None] * 4
        assert "Nobody in the source has a value in Family Name" in later.message

    async def test_stops_too_where_entra_never_removes_the_value(self, start_stack: StartStack) -> None:
        stack = await synchronised(start_stack)
        fill(stack, display_name="")

        stopped, dry_run = await stack.sync(), await stack.dry_run()
        done = await approved_sync(stack, dry_run, kinds=["clear"])

        assert (stopped.status, dry_run.counts.update) == ("cancelled", 0)
        assert "a value in Display Name, and" in stopped.message
        assert (done.status, stack.writes()) == ("succeeded", [])

    async def test_that_one_user_still_has_is_a_matter_of_max_cleared(self, start_stack: StartStack) -> None:
        stack = await synchronised(start_stack)
        fill(stack, family_name="")
        one = stack.access_control.users[PEOPLE[0]]
        stack.access_control.users.put(one.model_copy(update={"family_name": "User0"}))

        done = await stack.sync()

        assert (done.status, done.counts.update) == ("succeeded", 3)


class TestAFieldThatNobodyEverFilled:
    async def test_of_the_default_map_leaves_its_attribute_alone_and_says_so(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name, family_name="") for name in PEOPLE],
            entra=[in_entra(name) for name in PEOPLE],
        )

        runs = [await stack.sync(), await stack.sync()]

        assert [run.status for run in runs] == ["succeeded", "succeeded"]
        assert all("Nobody in the source has a value in Family Name" in run.message for run in runs)
        assert stack.writes() == []

    async def test_of_the_administrators_own_map_stops_while_entra_has_values(
        self, start_stack: StartStack
    ) -> None:
        own = {"ATTRIBUTE_MAP": json.dumps({"department": "Section"})}
        stack = await start_stack(
            source=[in_source(name) for name in PEOPLE],
            entra=[in_entra(name, department="Sales") for name in PEOPLE],
            settings=own,
        )

        stopped = await stack.sync()
        done = await approved_sync(stack, await stack.dry_run(), kinds=["clear"])
        later = await stack.sync()

        assert [stopped.status, done.status, later.status] == ["cancelled", "succeeded", "succeeded"]
        assert "in Section, and 4 values of department would be removed" in stopped.message
        assert all(user.get("department") is None for user in stack.users().values())

    async def test_of_the_administrators_own_map_is_left_alone_where_entra_has_none(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(name) for name in PEOPLE],
            entra=[in_entra(name) for name in PEOPLE],
            settings={"ATTRIBUTE_MAP": json.dumps({"department": "Sektion"})},
        )

        run = await stack.sync()

        assert (run.status, stack.writes()) == ("succeeded", [])
        assert "Nobody in the source has a value in Sektion" in run.message

    async def test_mapped_to_null_is_nothing_to_tell_of(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source(name, family_name="") for name in PEOPLE],
            entra=[in_entra(name) for name in PEOPLE],
            settings={"ATTRIBUTE_MAP": json.dumps({"surname": None})},
        )

        run = await stack.sync()

        assert (run.status, run.message, stack.writes()) == ("succeeded", "Nothing changed.", [])


async def test_a_tenant_without_immutable_ids_has_nothing_to_tell_of(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source(name) for name in PEOPLE])

    runs = [await stack.dry_run(), await stack.sync(), await stack.sync()]

    assert [run.status for run in runs] == ["succeeded"] * 3
    assert [run.warnings for run in runs] == [()] * 3
    assert len(stack.users()) == 4


async def test_immutable_ids_that_vanish_stop_a_sync_until_they_are_back(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source(name, immutable_id=f"K{name}") for name in PEOPLE],
        entra=[in_entra(name, onPremisesImmutableId=f"K{name}") for name in PEOPLE],
    )
    await stack.sync()

    fill(stack, immutable_id="")
    stopped = await stack.sync()
    for name in PEOPLE:
        user = stack.access_control.users[name]
        stack.access_control.users.put(user.model_copy(update={"immutable_id": f"K{name}"}))
    done = await stack.sync()

    assert [stopped.status, done.status] == ["cancelled", "succeeded"]
    assert "onPremisesImmutableId" in stopped.message


async def test_each_domain_waits_for_an_approval_of_its_own(start_stack: StartStack) -> None:
    here, there = PEOPLE[:2], PEOPLE[2:]
    stack = await start_stack(
        source=[in_source(name) for name in here] + [in_source(name, FABRIKAM) for name in there],
        entra=[in_entra(name) for name in here] + [in_entra(name, FABRIKAM) for name in there],
        domains=TWO_DOMAINS,
    )
    for domain in (CONTOSO, FABRIKAM):
        await stack.sync(domain)
    fill(stack, family_name="")

    done = await approved_sync(stack, await stack.dry_run(), kinds=["clear"])
    other = await stack.sync(FABRIKAM)

    assert [done.status, other.status] == ["succeeded", "cancelled"]
    assert surnames(stack) == [None, None]
    assert all(user["surname"] for user in stack.users(FABRIKAM).values())


async def test_a_csv_without_a_status_leaves_every_account_as_it_is(start_stack: StartStack) -> None:
    rows = "".join(
        f"{name},{name}@{CONTOSO},{name.title()},{name.title()},太郎\r\n" for name in ("aoki", "baba")
    )
    stack = await start_stack(
        entra=[
            in_entra("aoki", displayName="Aoki", surname="Aoki", accountEnabled=False),
        ],
        settings={"SOURCE": "csv", "CSV_PATH": "blob:people/people.csv"},
    )
    container = await stack.services.storage.open_container("people")
    header = "Username,UserPrincipalName,Display Name,Family Name,Given Name\r\n"
    await container.upload_blob("people.csv", (header + rows).encode())

    run = await stack.sync()

    assert (run.status, run.counts.add, run.counts.update) == ("succeeded", 1, 0)
    assert [user["accountEnabled"] for user in stack.users().values()] == [False, True]
