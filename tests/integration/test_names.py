"""Names as the source has them, on the running product: what Entra gets, and who fails for a character."""

import pytest

from tests.support.outcomes import undone
from tests.support.stack import StartStack, in_entra, in_source

# 神, as a compatibility ideograph: another character to Unicode, and the way in which somebody's name is written.
KAMI, UNIFIED = "\ufa19", "\u795e"


async def test_a_correction_to_another_form_of_a_kanji_is_written_and_undone(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", family_name=KAMI), in_source("baba", family_name="か\u3099")],
        entra=[in_entra("aoki", surname=UNIFIED), in_entra("baba", surname="が")],
    )

    run = await stack.sync()

    assert (run.counts.update, run.counts.unchanged) == (1, 1)
    assert stack.users()["aoki@contoso.com"]["surname"] == KAMI
    again = await stack.sync()
    assert (again.counts.update, again.counts.unchanged) == (0, 2)
    await undone(stack, run)
    assert stack.users()["aoki@contoso.com"]["surname"] == UNIFIED


async def test_a_name_that_entra_alters_is_reported_once_and_not_written_every_hour(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", family_name=KAMI)],
        entra=[in_entra("aoki", surname=UNIFIED)],
        tenant={"tenant": {"composesText": True}},
    )

    runs = [await stack.sync() for _ in range(4)]

    assert [(run.status, run.counts.update, run.counts.skipped) for run in runs] == [
        ("succeeded", 1, 0),
        ("succeeded", 0, 1),
        ("succeeded", 0, 0),
        ("succeeded", 0, 0),
    ]
    (row,) = await stack.audit_log(runs[1])
    assert (row["action"], row["sourceId"]) == ("skip", "aoki")
    assert row["reason"].startswith(
        f"Family name was written as '{KAMI}', and Entra shows '{UNIFIED}' again."
    )
    assert len(stack.writes()) == 1
    stack.access_control.users.edit("aoki", {"family_name": "青木"})
    assert (await stack.sync()).counts.update == 1


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\n", "\x85", "\ud83d"])
async def test_a_character_that_nobody_can_write_fails_one_person(
    start_stack: StartStack, character: str
) -> None:
    stack = await start_stack(
        source=[
            in_source("aoki", family_name=f"Ao{character}ki"),
            in_source("baba", given_name=f"x{character}y"),
            in_source("chiba"),
        ],
        entra=[in_entra("aoki")],
    )

    run = await stack.sync()

    assert (run.status, run.counts.failed, run.counts.add) == ("completedWithErrors", 2, 1)
    failed = {
        row["sourceId"]: row["errorMessage"]
        for row in await stack.audit_log(run)
        if row["result"] == "failed"
    }
    place = f"has U+{ord(character):04X} as its character"
    assert f"amily name {place} 3" in failed["aoki"]
    assert f"iven name {place} 2" in failed["baba"]
    assert stack.users()["aoki@contoso.com"]["surname"] == "Aoki"


async def test_a_name_of_what_nobody_sees_is_no_name(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[
            in_source("aoki", display_name="\u200b"),
            in_source("baba", display_name="\u3164", family_name="\u200d", given_name=""),
        ],
        entra=[],
    )

    run = await stack.sync()

    assert (run.counts.add, run.counts.failed) == (1, 1)
    assert stack.users()["aoki@contoso.com"]["displayName"] == "Aoki 太郎"
    assert "no name at all" in str(await stack.audit_log(run))


async def test_a_name_that_is_far_too_long_fails_one_person(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki"), in_source("baba", custom_attributes={"section": "部\u3099" * 1_000_000})],
        entra=[in_entra("aoki", department="課")],
        settings={"ATTRIBUTE_MAP": '{"department": "custom_attributes.section"}'},
    )

    run = await stack.sync()

    assert run.counts.failed == 1
    assert "epartment has 2000000 characters" in str(await stack.audit_log(run))
