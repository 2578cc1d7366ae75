"""Who may sign in, over the emulators: an administrator's block stays, a new hire gets in once enabled."""

import pytest

from tests.support.outcomes import treated, undone
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source


def enabled(stack: Stack, name: str = "aoki") -> bool:
    state: bool = stack.users()[f"{name}@{CONTOSO}"]["accountEnabled"]
    return state


def set_enabled(stack: Stack, name: str, state: bool) -> None:
    """As an administrator does in Entra."""
    user = stack.entra.directory.user(f"{name}@{CONTOSO}")
    assert user is not None
    stack.entra.directory.update(user, {"accountEnabled": state})


async def test_an_account_that_was_blocked_in_entra_stays_blocked(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", given_name="次郎"), in_source("left", status="disabled")],
        entra=[in_entra("aoki", accountEnabled=False), in_entra("left")],
    )

    run = await stack.sync()

    assert (run.status, run.counts.update, run.counts.block, run.counts.unblock) == ("succeeded", 1, 0, 0)
    assert (enabled(stack), enabled(stack, "left")) == (False, True)
    assert [part.code for part in run.warning_parts] == ["warning.signInLeft"]
    assert "Users disabled in the source and enabled in Entra: 1." in run.message


@pytest.mark.parametrize("mode", ["leave", "block", "follow"])
async def test_a_new_hire_who_is_registered_disabled_gets_in_once_enabled(
    start_stack: StartStack, mode: str
) -> None:
    stack = await start_stack(
        settings={"SIGN_IN": mode},
        source=[in_source("aoki", status="disabled"), in_source("other")],
        entra=[in_entra("other")],
    )
    await stack.sync()
    assert not enabled(stack)
    # Other changes in between, of either side, do not count.
    stack.access_control.users.edit("aoki", {"given_name": "次郎"})
    await stack.sync()
    assert not enabled(stack)

    stack.access_control.users.edit("aoki", {"status": "enabled"})
    run = await stack.sync()

    assert (run.counts.unblock, enabled(stack)) == (1, True)
    assert await treated(stack, run) == {"aoki": ("unblock", "succeeded")}
    assert (await stack.dry_run()).counts.unblock == 0


async def test_once_seen_enabled_a_block_in_entra_is_the_administrators(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", status="disabled"), in_source("other")], entra=[in_entra("other")]
    )
    await stack.sync()
    set_enabled(stack, "aoki", True)
    await stack.sync()
    set_enabled(stack, "aoki", False)
    stack.access_control.users.edit("aoki", {"status": "enabled"})

    run = await stack.sync()

    assert (run.counts.unblock, enabled(stack)) == (0, False)


async def test_block_takes_back_only_what_a_sync_did(start_stack: StartStack) -> None:
    stack = await start_stack(
        settings={"SIGN_IN": "block"},
        source=[in_source("ours", status="disabled"), in_source("theirs")],
        entra=[in_entra("ours"), in_entra("theirs", accountEnabled=False)],
    )
    blocked = await stack.sync()
    assert (blocked.counts.block, enabled(stack, "ours")) == (1, False)

    stack.access_control.users.edit("ours", {"status": "enabled"})
    run = await stack.sync()

    assert await treated(stack, run) == {"ours": ("unblock", "succeeded")}
    assert (enabled(stack, "ours"), enabled(stack, "theirs")) == (True, False)


async def test_follow_is_as_the_source_both_ways(start_stack: StartStack) -> None:
    stack = await start_stack(
        settings={"SIGN_IN": "follow"},
        source=[in_source("on"), in_source("off", status="disabled", given_name="次郎")],
        entra=[in_entra("on", accountEnabled=False), in_entra("off")],
    )

    run = await stack.sync()

    assert (run.counts.update, run.counts.block, run.counts.unblock) == (1, 1, 1)
    assert (enabled(stack, "on"), enabled(stack, "off")) == (True, False)


@pytest.mark.parametrize(("field", "mode"), [("Status", "follow"), (None, "leave")])
async def test_a_map_of_an_earlier_version_is_understood_and_the_run_says_what_to_set(
    start_stack: StartStack, field: str | None, mode: str
) -> None:
    value = "null" if field is None else f'"{field}"'
    stack = await start_stack(
        settings={"ATTRIBUTE_MAP": f'{{"accountEnabled": {value}}}'},
        source=[in_source("aoki", status="disabled")],
        entra=[in_entra("aoki")],
    )

    run = await stack.dry_run()

    assert run.counts.block == (mode == "follow")
    assert f"this stands for SIGN_IN={mode}" in " ".join(run.warnings)


async def test_a_shared_mailbox_is_neither_blocked_nor_unblocked(start_stack: StartStack) -> None:
    stack = await start_stack(
        settings={"SIGN_IN": "follow"},
        source=[in_source("info"), in_source("desk", status="disabled"), in_source("aoki")],
        entra=[
            in_entra("info", accountEnabled=False, _mailbox="shared"),
            in_entra("desk", _mailbox="room"),
            in_entra("aoki"),
        ],
    )

    run = await stack.sync()

    assert (run.counts.block, run.counts.unblock, run.counts.skipped) == (0, 0, 2)
    assert stack.writes() == []


async def test_an_undo_of_a_block_unblocks_and_of_an_unblock_blocks(start_stack: StartStack) -> None:
    stack = await start_stack(
        settings={"SIGN_IN": "follow"},
        source=[in_source("on"), in_source("off", status="disabled")],
        entra=[in_entra("on", accountEnabled=False), in_entra("off")],
    )
    sync = await stack.sync()

    undo = await undone(stack, sync)

    assert await treated(stack, undo) == {"on": ("block", "succeeded"), "off": ("unblock", "succeeded")}
    assert (enabled(stack, "on"), enabled(stack, "off")) == (False, True)


async def test_where_the_status_is_to_count_and_nobody_has_one_the_run_fails(start_stack: StartStack) -> None:
    stack = await start_stack(
        settings={"SIGN_IN": "block"},
        source=[in_source("aoki", status="locked")],
        entra=[in_entra("aoki")],
    )

    run = await stack.dry_run()

    assert (run.status, run.message_parts[0].code) == ("failed", "source.nobodyHasStatus")
