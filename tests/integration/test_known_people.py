"""What is remembered of people, from their first sync until both sides have lost them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from local.access_control import User
from local.entra import Fault
from shared.model.memory import FORGOTTEN_AFTER, difference
from shared.model.people import Memory
from tests.support.outcomes import (
    ANY_DELETION,
    FABRIKAM,
    TWO_DOMAINS,
    names,
    object_id,
    undone,
)
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source


def today() -> str:
    return datetime.now(UTC).date().isoformat()


async def known(stack: Stack) -> Memory:
    return await stack.services.known_people.read(CONTOSO)


async def remember(stack: Stack, memory: Memory) -> None:
    before = await known(stack)
    after = replace(before, links=memory.links, lost=memory.lost)
    await stack.services.known_people.write(difference(before, after), before)


async def test_a_good_sync_remembers_whom_it_matched_and_created_since_when_and_their_names(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("aoki")])

    await stack.sync()

    memory = await known(stack)
    assert memory.links == {name: object_id(stack, name) for name in ("aoki", "baba")}
    assert memory.since == dict.fromkeys(memory.links, today())
    assert memory.names.keys() == memory.links.keys()


async def test_a_sync_that_changes_nothing_writes_nothing(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    await stack.sync()
    before = await known(stack)

    await stack.sync()

    assert (await known(stack)).version == before.version


async def test_the_names_are_those_that_the_source_had_at_the_last_good_sync(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    await stack.sync()
    before = await known(stack)
    stack.access_control.users.edit("aoki", {"family_name": "Akagi"})

    await stack.sync()

    after = await known(stack)
    changed = [
        old == new for old, new in zip(before.names["aoki"].split(), after.names["aoki"].split(), strict=True)
    ]
    assert changed == [False, True]


async def test_a_first_sync_that_is_cancelled_keeps_whom_it_matched_and_created(
    start_stack: StartStack,
) -> None:
    joiners = [f"joiner{n}" for n in range(60)]
    stack = await start_stack(
        source=[in_source(name) for name in ("aoki", *joiners)],
        entra=[in_entra("aoki")],
        settings={"BATCHES_IN_FLIGHT": "1"},
    )
    stack.hold_up(method="POST", where="inner", nth=30)
    run = await stack.start("sync")
    await stack.written(20)

    await stack.post(f"domains/{CONTOSO}/runs/{run.id}/cancel")
    stack.let_go()

    assert (await stack.finished(run)).status == "cancelled"
    memory = await known(stack)
    assert memory.links == {upn.partition("@")[0]: user["id"] for upn, user in stack.users().items()}
    assert {"aoki", "joiner0"} <= memory.links.keys()
    assert memory.names == {}


async def test_a_first_sync_that_a_limit_refuses_keeps_whom_it_matched(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki")], entra=[in_entra(name) for name in ("aoki", "baba", "chiba")]
    )
    await stack.set(maxAllowedDeletions=1)

    run = await stack.sync()

    assert (run.status, stack.writes()) == ("cancelled", [])
    assert (await known(stack)).links == {"aoki": object_id(stack, "aoki")}


async def test_a_person_is_known_on_the_domain_to_which_they_move_and_when_they_come_back(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(
        source=[in_source("aoki"), in_source("baba"), in_source("chiba", FABRIKAM)], domains=TWO_DOMAINS
    )
    for domain in (CONTOSO, FABRIKAM):
        await stack.set(domain, maxAllowedDeletions=ANY_DELETION)
        await stack.sync(domain)
    account = object_id(stack, "aoki")

    for domain in (FABRIKAM, CONTOSO):
        moved = in_source("aoki") | {"user_principal_name": f"new@{domain}"}
        stack.access_control.users.put(User.model_validate(moved))
        runs = [await stack.sync(one) for one in (CONTOSO, FABRIKAM)]
        assert [(run.status, run.counts.delete, run.counts.add) for run in runs] == [("succeeded", 0, 0)] * 2
        await stack.sync(domain)
        assert object_id(stack, "new", domain) == account

    assert (await known(stack)).links["aoki"] == account


async def test_whom_a_sync_deleted_is_known_until_they_are_restored(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("leaver")])
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    account = object_id(stack, "leaver")
    sync = await stack.sync()
    deleted = (await known(stack)).deleted

    await undone(stack, sync)

    assert deleted == {account: today()}
    assert (await known(stack)).deleted == {}
    assert names(stack.users()) == {"aoki", "leaver"}


@pytest.fixture
async def departed(start_stack: StartStack) -> Stack:
    """Three who left long ago: one account is on another domain, one in the recycle bin, one gone."""
    stack = await start_stack(
        source=[in_source("aoki")],
        entra=[in_entra("aoki"), in_entra("alive", FABRIKAM), in_entra("deleted", FABRIKAM)],
        domains=TWO_DOMAINS,
    )
    await stack.sync()
    users = {name: object_id(stack, name, FABRIKAM) for name in ("alive", "deleted")}
    directory = stack.entra.directory
    account = directory.user(users["deleted"])
    assert account is not None
    directory.delete(account)
    gone = {"gone": "00000000-0000-0000-0000-00000000abcd"}
    long_ago = (datetime.now(UTC).date() - FORGOTTEN_AFTER).isoformat()
    memory = await known(stack)
    await remember(
        stack, Memory(links=memory.links | users | gone, lost=dict.fromkeys([*users, *gone], long_ago))
    )
    return stack


async def test_who_left_is_forgotten_once_the_account_is_gone_for_good(departed: Stack) -> None:
    run = await departed.sync()

    memory = await known(departed)
    assert run.status == "succeeded"
    assert memory.links.keys() == {"aoki", "alive", "deleted"}
    assert memory.lost == {"alive": today(), "deleted": today()}


@pytest.mark.parametrize("path", ["/users/*abcd", "/directory/deletedItems/microsoft.graph.user"])
async def test_nobody_is_forgotten_while_a_look_at_the_accounts_fails(departed: Stack, path: str) -> None:
    departed.entra.faults.add(Fault(kind="status", status=403, path=path))

    run = await departed.sync()

    assert run.status == "succeeded", run.message
    assert (await known(departed)).links.keys() == {"aoki", "alive", "deleted", "gone"}
    assert "what is known of them is kept" in " ".join(run.warnings)
