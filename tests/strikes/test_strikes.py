"""A storage fault at any one write must not change the result: each change has one row, state and events are right.

`make test` strikes each kind of write once, chosen by STRIKES_SEED; `make strikes` every write in every way.
"""

import os
import random
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.strikes.harness import Strike, struck, writes_in_peace
from tests.strikes.matrix import FAULTS
from tests.strikes.scenarios import SCENARIOS

whole_matrix = pytest.mark.skipif(os.environ.get("STRIKES") != "all", reason="make strikes")


def described(results: dict[Strike, list[str]]) -> list[str]:
    """What went wrong, one line per strike."""
    return [f"{strike}: {'; '.join(wrong)}" for strike, wrong in results.items() if wrong]


async def possible_strikes(storage: Iterator[str], *scenarios: str) -> list[Strike]:
    """Every fault at every write of these scenarios."""
    found = []
    for name in scenarios:
        scenario = SCENARIOS[name]
        for write in await writes_in_peace(scenario, next(storage)):
            if scenario.only in ("", str(write)):
                found += [Strike(name, write, fault) for fault in write.faults]
    return found


@pytest.mark.waits(50)
@pytest.mark.untraced
async def test_each_kind_of_write_is_struck_once(storage_accounts: Iterator[str]) -> None:
    seed = int(os.environ["STRIKES_SEED"])
    kinds = defaultdict(list)
    for strike in await possible_strikes(storage_accounts, *SCENARIOS):
        kinds[strike.write.kind].append(strike)
    chance = random.Random(seed)
    chosen = [chance.choice(strikes) for strikes in kinds.values()]

    results = await struck(chosen, storage_accounts)

    wrong = described(results)
    assert not wrong, "\n".join([f"STRIKES_SEED={seed}", *wrong])


@whole_matrix
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_every_write_of(scenario: str, fault: str, storage_accounts: Iterator[str]) -> None:
    possible = await possible_strikes(storage_accounts, scenario)

    results = await struck([strike for strike in possible if strike.fault == fault], storage_accounts)

    wrong = described(results)
    assert not wrong, "\n".join(wrong)
