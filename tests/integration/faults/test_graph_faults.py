"""A sync through everything that Graph gets wrong: it ends with Entra equal to the source, and says what it did."""

import itertools
from collections import Counter

import pytest

from tests.integration.faults.conftest import StartApart
from tests.support.processes import Apart, People, people, told

NUMBERS = itertools.count(1)


def some(**changes: int) -> People:
    """People on a domain that no other test has."""
    return people(next(NUMBERS), **changes)


def mixed() -> People:
    """Something of everything, in six batches or more."""
    return some(add=50, update=30, rename=10, swap=10, restore=10, delete=10, keep=60)


async def synced(product: Apart, them: People) -> None:
    """A sync that ends well in spite of the faults, checked from outside."""
    run = await product.sync(them.domain, seconds=100)
    assert (run.status, run.counts.failed) == ("succeeded", 0), run.message
    await product.assert_settled(run, them)


async def test_nothing_at_all_goes_wrong_but_the_order_of_the_answers(product: Apart) -> None:
    them = mixed()
    await product.seed(them)

    await synced(product, them)


@pytest.mark.parametrize("took_effect", [False, True], ids=["in vain", "took effect"])
async def test_one_batch_in_twenty_is_answered_503(product: Apart, took_effect: bool) -> None:
    them = some(add=200, update=100, keep=10)
    await product.seed(them)
    await product.faults(
        {"kind": "status", "status": 503, "path": "/$batch", "nth": [2, 11], "tookEffect": took_effect}
    )

    await synced(product, them)

    assert await product.struck() == [2]


async def test_connections_drop_after_a_whole_batch_took_effect(product: Apart) -> None:
    them = mixed()
    await product.seed(them)
    await product.faults({"kind": "drop", "tookEffect": True, "path": "/$batch", "nth": [3, 7, 12]})

    await synced(product, them)

    assert await product.struck() == [3]


async def test_connections_drop_after_a_part_of_a_batch_took_effect(product: Apart) -> None:
    them = mixed()
    await product.seed(them)
    await product.faults(
        {"kind": "drop", "tookEffect": True, "where": "inner", "method": "P*", "nth": [12, 60, 100]}
    )

    await synced(product, them)

    assert await product.struck() == [3]


async def test_creates_whose_answers_are_lost_while_reads_are_stale(product: Apart) -> None:
    them = some(add=60, keep=10)
    await product.seed(them)
    await product.faults(
        {"kind": "drop", "tookEffect": True, "where": "inner", "method": "POST", "nth": [5, 45]},
        staleListSeconds=60,
        freshNotFoundSeconds=2,
    )

    await synced(product, them)

    answered = [c for c in await product.asked() if (c["path"], c["status"]) == ("/users", 201)]
    assert len(answered) < 60


async def test_one_item_in_ten_is_answered_with_a_server_error(product: Apart) -> None:
    them = some(add=40, update=40, delete=10, keep=60)
    await product.seed(them)
    await product.faults(
        *({"kind": "status", "status": s, "where": "inner", "probability": 0.04} for s in (500, 502, 504))
    )

    await synced(product, them)

    assert all(await product.struck())


async def test_everything_at_once(product: Apart) -> None:
    them = mixed()
    await product.seed(them)
    await product.faults(
        {"kind": "status", "status": 503, "path": "/$batch", "probability": 0.05},
        {"kind": "status", "status": 429, "where": "inner", "retryAfter": 1, "probability": 0.01},
        {"kind": "drop", "tookEffect": True, "path": "/$batch", "probability": 0.02},
        {"kind": "status", "status": 504, "where": "outer", "method": "GET", "probability": 0.1},
        latencyMs=20,
        jitterMs=30,
    )

    await synced(product, them)


async def test_only_what_was_throttled_is_sent_again_and_in_full_batches(product: Apart) -> None:
    them = some(update=100, keep=10)
    await product.seed(them)
    await product.faults(
        {"kind": "status", "status": 429, "retryAfter": 1, "method": "PATCH", "nth": list(range(10, 100, 5))}
    )

    await synced(product, them)

    patches = [call["status"] for call in await product.asked() if call["method"] == "PATCH"]
    (throttled,) = await product.struck()
    assert throttled == 18
    assert (patches.count(429), patches.count(204), len(patches)) == (18, 100, 118)
    batches = [call for call in await product.asked() if call["url"] == "/$batch"]
    reads = sum(call["inner"] and call["method"] == "GET" for call in await product.asked())
    full = -(-len(patches) // 20) + -(-reads // 20)
    assert len(batches) <= full + 2, "what is sent again fills its batches"


async def test_a_retry_after_pauses_the_writes_of_every_run_in_the_process(start_apart: StartApart) -> None:
    one, other = some(update=200, keep=5), some(update=200, keep=5)
    product = await start_apart(one, other, BATCHES_IN_FLIGHT="1")
    await product.faults({"kind": "status", "status": 429, "retryAfter": 5, "method": "PATCH", "nth": 10})

    with product.host():
        runs = [await product.start("sync", domain) for domain in (one.domain, other.domain)]
        ended = [await product.finished(run) for run in runs]
        await product.assert_settled(ended[0], one)
        await product.assert_settled(ended[1], other)

    writes = [call for call in await product.asked() if call["method"] == "PATCH"]
    told_at = next(call["at"] for call in writes if call["status"] == 429)
    after_the_pause = Counter(call["url"][:11] for call in writes if call["at"] > told_at + 4.9)
    # Of either run at most one batch was under way, and another one may have been about to go.
    assert sorted(after_the_pause) == [
        f"/users/{str(user['id'])[:4]}" for user in (one.entra[0], other.entra[0])
    ]
    assert min(after_the_pause.values()) >= 200 - 2 * 20


async def test_throttled_to_death_it_gives_up_and_says_so(start_apart: StartApart) -> None:
    them = some(add=100, keep=10)
    product = await start_apart(them, TIME_BUDGET_SECONDS="2")
    await product.faults(
        {"kind": "status", "status": 429, "retryAfter": 30, "where": "inner", "method": "P*"}
    )

    with product.host():
        run = await product.sync(them.domain)
        assert (run.status, run.invocations) == ("failed", 3)
        assert run.message.startswith("Given up: 3 invocations in a row got nothing done.")
        assert run.message.endswith("Nothing was applied.")
        assert await product.audit_log(run) == []
        assert await product.tenant() == product.before


async def test_what_throttling_held_up_is_done_by_the_next_run(start_apart: StartApart) -> None:
    them = some(add=60, update=40, keep=10)
    product = await start_apart(them, TIME_BUDGET_SECONDS="2")
    nth = list(range(50, 10_000))
    await product.faults(
        {"kind": "status", "status": 429, "retryAfter": 3, "where": "inner", "method": "P*", "nth": nth}
    )

    with product.host():
        throttled = await product.sync(them.domain)
        assert throttled.status == "failed"
        rows = await product.audit_log(throttled)
        done = len(told(rows))
        assert f" {done} of 100 changes were made and stand; the next run does the rest." in throttled.message
        await product.faults()
        run = await product.sync(them.domain)

    assert run.status == "succeeded"
    assert done + run.counts.add + run.counts.update == 100
