"""One write quota for all processes: together they never send more than Graph allows, and none of them starves."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.entra.batch import BATCH_SIZE
from shared.entra.write_quota import FEW, FEW_WAIT, LATER, WriteQuota
from shared.store.write_slices import AHEAD, BEYOND, WRONG, cut
from tests.support.graph_client import TestClock

BURST, PER_SECOND, WINDOW = 3000, 20, 150
BEGINNING = datetime(2026, 4, 1, tzinfo=UTC)


@dataclass
class Tenant:
    """The row that processes share, without the storage. Each may have a clock that is `wrong_by` some seconds."""

    clock: TestClock = field(default_factory=TestClock)
    full_at: datetime | None = None
    taken: list[float] = field(default_factory=list)
    away: bool = False

    def process(self, wrong_by: float = 0.0) -> "Process":
        process = Process(self, wrong_by)
        process.quota = WriteQuota(BURST, WINDOW, clock=self.clock, share=process)
        return process


@dataclass
class Process:
    """Sends as `Batches` does. `sent`: when, and how many writes."""

    tenant: Tenant
    wrong_by: float
    quota: WriteQuota = field(init=False)
    left: int = 0
    of: int = 0
    sent: list[tuple[float, int]] = field(default_factory=list)

    async def take(self, seconds: float) -> tuple[float, float] | None:
        if self.tenant.away:
            return None
        now = BEGINNING + timedelta(seconds=self.tenant.clock.elapsed + self.wrong_by)
        before, taken = cut(self.tenant.full_at, now, seconds)
        self.tenant.full_at = now + timedelta(seconds=before + taken)
        self.tenant.taken.append(taken * PER_SECOND)
        return before, taken

    async def run(self, writes: int, most: int | None = None) -> None:
        """A run begins with so many writes."""
        self.left, self.of = self.left + writes, self.left + writes
        await self.send(most)

    async def send(self, batches: int | None = None) -> None:
        """As many batches as may go out now, or so many of them."""
        while self.left and batches != 0:
            writes = min(self.left, BATCH_SIZE)
            if self.quota.wait_for(writes, self.of) > 0:
                return
            if not self.quota.granted:
                await self.quota.take(self.left)
                continue
            self.quota.spend(writes)
            self.left -= writes
            self.sent.append((self.tenant.clock.elapsed, writes))
            batches = None if batches is None else batches - 1

    @property
    def waits(self) -> float:
        return self.quota.wait_for(min(self.left, BATCH_SIZE), self.of)


def most_beyond(sent: Sequence[tuple[float, int]]) -> float:
    """By how many writes a token bucket like Graph's is overdrawn at most."""
    level, at, worst = float(BURST), 0.0, 0.0
    for moment, writes in sorted(sent):
        level, at = min(BURST, level + (moment - at) * PER_SECOND) - writes, moment
        worst = min(worst, level)
    return -worst


# Seconds that pass, then which process goes on with how many batches; with how many writes a run of it begins, or none.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.05, 1.0, 7.0, 60.0, 400.0]),
        st.integers(0, 3),
        st.sampled_from([None, 1, 30, 150]),
        st.sampled_from([0, 0, 0, 130, 700, 2990, 3000, 3001, 9000]),
    ),
    max_size=40,
)


@given(STEPS)
async def test_together_they_never_send_more_than_the_quota_allows(
    steps: list[tuple[float, int, int | None, int]],
) -> None:
    """But for what goes out with the last writes of a slice: less than a batch of each process."""
    tenant = Tenant()
    processes = [tenant.process() for _ in range(4)]
    for seconds, number, most, writes in steps:
        tenant.clock.elapsed += seconds
        await processes[number].run(writes, most)

    assert most_beyond([one for each in processes for one in each.sent]) < BATCH_SIZE * len(processes)


@given(STEPS, st.integers(1, FEW))
async def test_small_runs_go_beyond_it_by_a_few_writes_in_a_window_and_no_more(
    steps: list[tuple[float, int, int | None, int]], few: int
) -> None:
    tenant = Tenant()
    processes = [tenant.process() for _ in range(4)]
    for seconds, number, most, writes in steps:
        tenant.clock.elapsed += seconds
        await processes[number].run(writes and min(writes, few) if number else writes, most)

    windows = 1 + tenant.clock.elapsed / WINDOW
    sent = [one for each in processes for one in each.sent]
    assert most_beyond(sent) < (BATCH_SIZE + FEW * windows) * len(processes)


@given(st.lists(st.integers(1, 12_000), min_size=1, max_size=6), STEPS)
async def test_none_starves_and_none_of_the_quota_is_left_unused(
    runs: list[int], steps: list[tuple[float, int, int | None, int]]
) -> None:
    """Once all go on whenever they may, they are done as soon as one process alone would be."""
    tenant = Tenant()
    processes = [tenant.process() for _ in runs]
    for process, writes in zip(processes, runs, strict=True):
        await process.run(writes)
    for _, number, _, _ in steps:
        await processes[number % len(processes)].send()
    begun = tenant.clock.elapsed
    while any(process.left for process in processes):
        tenant.clock.elapsed += max(0.01, min(process.waits for process in processes if process.left))
        for process in processes:
            await process.send()

    alone = max(0.0, (sum(runs) - BURST) / PER_SECOND)
    assert tenant.clock.elapsed - begun <= alone + len(runs) * (BATCH_SIZE / PER_SECOND + 0.1)


@given(st.integers(1, 12_000))
async def test_a_run_takes_one_slice_at_first_and_one_for_each_3000_writes(writes: int) -> None:
    tenant = Tenant()
    process = tenant.process()
    await process.run(writes)
    while process.left:
        tenant.clock.elapsed += process.waits + 0.01
        await process.send()

    assert len(tenant.taken) <= 1 + writes // BURST


@given(st.lists(st.integers(1, 60_000), max_size=30), st.floats(0, 3600))
def test_a_slice_moves_the_moment_by_as_much_as_it_allows(wanted: list[int], seconds: float) -> None:
    now = BEGINNING + timedelta(seconds=seconds)
    full_at: datetime | None = BEGINNING
    for writes in wanted:
        before, taken = cut(full_at, now, writes / PER_SECOND)
        assert 0 <= before <= WRONG
        assert min(writes / PER_SECOND, BEYOND) <= taken <= min(writes / PER_SECOND, AHEAD)
        full_at = now + timedelta(seconds=before + taken)


async def test_behind_the_slices_of_others_a_run_waits_for_its_turn() -> None:
    tenant = Tenant()
    first, second, third = (tenant.process() for _ in range(3))
    for process in (first, second, third):
        await process.run(3000)

    assert [sum(n for _, n in one.sent) for one in (first, second, third)] == [3000, 0, 0]
    assert [one.waits for one in (second, third)] == [2, 152]
    assert third.quota.left == -BURST - LATER


@pytest.mark.parametrize("busy_itself", [True, False])
async def test_a_correction_does_not_wait_behind_three_busy_instances(busy_itself: bool) -> None:
    tenant = Tenant()
    busy = [tenant.process() for _ in range(3)]
    for process in busy:
        await process.run(10_000)
    # A run of its own on the same instance waits by the same quota.
    quota = busy[-1].quota if busy_itself else tenant.process().quota

    if not quota.granted:
        await quota.take(1)

    assert quota.wait_for(1, of=10_000) > FEW_WAIT
    assert quota.wait_for(1, of=1) == 0
    assert quota.wait_for(1, of=FEW + 1) > FEW_WAIT


async def test_what_is_not_sent_while_the_quota_fills_up_is_lost() -> None:
    tenant = Tenant()
    process = tenant.process()
    await process.run(1000, 10)
    assert process.quota.granted

    tenant.clock.elapsed += 200 / PER_SECOND + 800 / PER_SECOND

    assert not process.quota.granted


async def test_small_runs_that_go_ahead_are_few() -> None:
    tenant = Tenant()
    for process in (tenant.process(), tenant.process()):
        await process.run(10_000)
    small = tenant.process()
    for _ in range(30):
        await small.run(10)
    assert sum(n for _, n in small.sent) == FEW

    tenant.clock.elapsed += WINDOW / 2
    small.left = small.of = 50
    await small.send()
    assert sum(n for _, n in small.sent) == FEW + FEW / 2


async def test_a_small_run_waits_for_its_turn_among_small_ones_and_not_behind_the_large() -> None:
    tenant = Tenant()
    for process in (tenant.process(), tenant.process()):
        await process.run(10_000)
    small = tenant.process()
    for _ in range(FEW // 20 + 1):
        await small.run(20)

    assert small.quota.wait_for(small.left, small.of) == pytest.approx(WINDOW * 20 / FEW)
    tenant.clock.elapsed += WINDOW * 20 / FEW
    await small.send()
    assert small.left == 0


async def test_what_goes_out_beyond_a_slice_is_taken_with_the_next_one() -> None:
    tenant = Tenant()
    one, other = tenant.process().quota, tenant.process().quota
    await one.take(1)
    one.spend(20)
    await other.take(2980)

    await one.take(20)

    assert tenant.taken == pytest.approx([1, 2980, 39])
    assert one.left == pytest.approx(-LATER)


async def test_two_runs_of_a_process_take_one_slice() -> None:
    tenant = Tenant()
    quota = tenant.process().quota

    await asyncio.gather(quota.take(500), quota.take(500))

    assert tenant.taken == [500]


async def test_where_nobody_answers_the_process_goes_on_by_its_own_bucket() -> None:
    tenant = Tenant(away=True)
    first, second = tenant.process(), tenant.process()
    await first.run(4000)
    await second.run(4000)

    assert [sum(n for _, n in one.sent) for one in (first, second)] == [3000, 3000]

    tenant.away = False
    tenant.clock.elapsed += 10
    await first.send()
    assert sum(n for _, n in first.sent) == 3200
    assert tenant.taken == [1000]


@given(st.floats(-75, 75), st.floats(-75, 75))
async def test_clocks_that_differ_cost_waiting_for_as_long_as_they_differ(one: float, other: float) -> None:
    tenant = Tenant()
    first, second = tenant.process(one), tenant.process(other)
    await first.run(3000)
    await second.run(3000)

    assert second.waits <= 2 + max(0.0, one - other) + 0.001


@pytest.mark.parametrize(("ahead", "waits"), [(WRONG, True), (WRONG + 1, False)])
async def test_a_moment_that_only_a_wrong_clock_can_have_written_is_not_believed(
    ahead: float, waits: bool
) -> None:
    tenant = Tenant(full_at=BEGINNING + timedelta(seconds=ahead))
    process = tenant.process()
    await process.run(3000)

    assert bool(process.waits) is waits
    assert list(accumulate(tenant.taken)) == ([BEYOND * PER_SECOND] if waits else [3000])
