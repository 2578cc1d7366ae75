"""The simulation itself: what it is sure of, and some hundred hours of it."""

import asyncio
import gc
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from local.processes import REPOSITORY
from tests.simulation.faults import Fault
from tests.simulation.laying import ALL
from tests.simulation.loop import Owner, Stuck, VirtualLoop
from tests.simulation.making import make
from tests.simulation.never import CANNOT, SELDOM, lacking, outdated
from tests.simulation.occurring import possible
from tests.simulation.planted.__main__ import AMBUSHES, PATCHES
from tests.simulation.scenario import Act, Edit, Scenario
from tests.simulation.shrinking import shrunk
from tests.simulation.world import simulate

# What a killed instance was at is thrown away in the middle of it, and some of that complains when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _commit() -> str:
    """The hash of the commit that is tested; without git, the same text each time."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip() or "no commit"


# A thousand hours that are always the same, and two hundred that no other commit has had. The name of one that fails is
# its seed: make("fixed-0", 48).
SCENARIOS = [*(f"fixed-{number}" for number in range(20)), *(f"{_commit()}-{number}" for number in range(4))]
# In which the app was wrong once.
SCENARIOS += [
    "night-3-16",
    "night-6-1",
    "sunday-1-27",
    "sunday-2-145",
    "sunday-3-105",
    "sunday-4-96",
    "sunday-6-152",
    "cdc7dc6921e7997058eed2564ae9db2ffbe61ac4-2",
    "final-1-296",
    "end-3-50",
    "even-1-35",
    "whole-2-353",
]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collects it before another test begins."""
    yield
    gc.collect()


@pytest.mark.untraced
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_violated_in_made_up_days(name: str) -> None:
    result = simulate(make(name, 48))

    assert result.violations == []
    # In a scenario with gaps there are fewer than one a domain and hour.
    assert result.runs > 20


@pytest.mark.untraced
def test_the_same_scenario_has_the_same_history_whatever_the_order_of_hashes(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    scenario.write_bytes(make("twice", 8).as_json())

    last = {_last_line(scenario, hash_seed) for hash_seed in ("0", "1")}

    assert len(last) == 1
    assert "history" in last.pop()


def _last_line(scenario: Path, hash_seed: str) -> str:
    done = subprocess.run(  # noqa: S603 - this repository's own module
        [sys.executable, "-m", "tests.simulation", "--replay", str(scenario)],
        cwd=REPOSITORY, env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


def test_a_scenario_is_plain_data() -> None:
    scenario = make("plain", 48)

    again = Scenario.read(scenario.as_json())

    assert again.as_json() == scenario.as_json()
    assert again.faults == scenario.faults


def test_a_fault_strikes_the_operation_it_names_and_is_told_of() -> None:
    calm = make("calm", 6)
    quiet = Scenario.read(calm.as_json())
    struck = _with_faults(quiet, Fault(3, "graph", 2, "throttled", 1, 20.0))

    result = simulate(struck)

    assert (result.faults, result.violations) == (1, [])
    assert result.seen["fault graph throttled"] == 1


def test_whatever_is_killed_is_performed_by_another() -> None:
    kills = [Fault(3, "blob", nth, "killed") for nth in (8, 14)]
    result = simulate(_with_faults(make("kills", 6), *kills))

    assert result.violations == []
    assert result.seen["fault blob killed"] == 2


def test_a_doubt_of_the_sync_before_is_settled_in_a_pause_and_nothing_else_is_written() -> None:
    people = tuple(_company("contoso.com")[:3])
    write = "POST /v1.0/$batch PATCH"
    down = Fault(2, "graph", 1, "lost", what=write), Fault(2, "graph", 1, "refused", 500, 20.0, after=write)
    scenario = Scenario(
        "doubt", 4, {}, {"contoso.com": False}, (0.0,), people, (),
        edits=tuple(Edit(at, "source.edit", str(who["username"]), {"display_name": "Other"})
                    for at, who in zip((7140.0, 9000.0), people, strict=False)),
        acts=(Act(5.0, "settings", "contoso.com", {"periodicSync": True}),
              Act(9100.0, "settings", "contoso.com", {"pausedUntil": "2026-04-01T03:50Z", "pauseReason": "-"})),
        faults=down,
    )  # fmt: skip

    result = simulate(scenario)

    assert result.seen["result inDoubt"]
    assert result.seen["event run.paused"] == 1
    assert result.violations == []


def _company(domain: str) -> list[dict[str, object]]:
    made = (dict(one) for one in make("company", 6).people)
    return [one for one in made if str(one["user_principal_name"]).endswith(f"@{domain}")]


def _with_faults(scenario: Scenario, *faults: Fault) -> Scenario:
    return replace(scenario, faults=faults, rules=())


def test_nothing_of_a_killed_instance_ever_runs_again() -> None:
    loop, ran = VirtualLoop(), Counter[str]()

    async def work() -> None:
        try:
            await asyncio.sleep(10)
            ran["went on"] += 1
        except BaseException:
            ran["except"] += 1
            raise
        finally:
            ran["finally"] += 1

    async def world() -> None:
        owner = Owner()
        loop.start(work(), owner)
        await asyncio.sleep(5)
        loop.kill(owner)
        await asyncio.sleep(100)

    loop.run_until_complete(world())

    assert ran == Counter()
    assert loop.time() == 105


def test_a_frozen_instance_goes_on_when_it_thaws_and_not_before() -> None:
    loop, woke = VirtualLoop(), list[float]()

    async def work() -> None:
        await asyncio.sleep(10)
        woke.append(loop.time())

    async def world() -> None:
        owner = Owner()
        loop.start(work(), owner)
        await asyncio.sleep(1)
        owner.frozen = True
        await asyncio.sleep(299)
        loop.thaw(owner)
        await asyncio.sleep(1)

    loop.run_until_complete(world())

    assert woke == [300]


def test_a_loop_in_which_nothing_can_happen_any_more_says_so() -> None:
    loop = VirtualLoop()

    async def world() -> None:
        await loop.create_future()

    with pytest.raises(Stuck):
        loop.run_until_complete(world())


@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda patch: patch.stem)
def test_every_planted_fault_still_applies(patch: Path) -> None:
    done = subprocess.run(  # noqa: S603 - a patch of this repository
        ["git", "apply", "--check", str(patch)],  # noqa: S607
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""


def test_an_ambush_that_is_chosen_is_laid_alone_and_those_of_planted_faults_are_there() -> None:
    silent = [one for one in make("chosen", 48, "silence").faults if (one.kind, one.times) == ("lost", 500)]

    assert silent
    assert all(make("chosen", 48, kind).name == "chosen" for kind in ALL)
    assert AMBUSHES.keys() <= {patch.stem for patch in PATCHES.glob("*.patch")}
    assert set(AMBUSHES.values()) <= ALL.keys()


def test_what_never_occurs_is_named_but_for_what_cannot() -> None:
    everything = dict.fromkeys(possible(), 1)

    assert lacking(everything) == []
    assert lacking({**everything, "action rename": 0}) == ["action rename"]


def test_what_is_said_never_to_occur_is_something_that_the_app_has() -> None:
    assert [one for one in (*CANNOT, *SELDOM) if not any(fnmatchcase(name, one) for name in possible())] == []


def test_what_occurs_although_it_is_said_not_to_is_named() -> None:
    assert outdated({"event timer.removed": 1, "action rename": 1}) == ["event timer.removed"]


def test_a_failing_scenario_shrinks_to_what_it_fails_of() -> None:
    faults = tuple(Fault(hour, "blob", 3, "lost") for hour in range(2, 40))
    scenario = replace(make("small", 48), faults=faults)
    fault, edit = faults[20], scenario.edits[3]

    def violations(one: Scenario) -> list[str]:
        return ["3 s: it is wrong: again"] if fault in one.faults and edit in one.edits else ["3 s: another"]

    small = shrunk(scenario, "7 s: it is wrong: somewhere", violations)

    assert (small.faults, small.edits, small.rules, small.people) == ((fault,), (edit,), (), ())
    assert len(small.acts) == 3
    assert small.hours <= fault.hour + 1 or small.hours <= edit.at // 3600 + 1
