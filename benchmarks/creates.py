"""10,000 creates under Graph's write quota, whose clock runs 10 times faster, at 100 ms of latency.

The quota allows 3,000 writes at once, then 200 a second. The figure is the share of it that a sync used, from the first
create to the last, by the emulator's log. In a real tenant the quota's clock is 10 times slower but the latency is the
same, so this benchmark is harder.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

from benchmarks.emulated import Emulated, emulated
from benchmarks.measuring import Figures, in_fresh_process, repeated
from benchmarks.people import domains
from benchmarks.report import Row, Target, markdown
from benchmarks.worker import sync_with_the_app, sync_with_the_plain_script

TITLE = "Creates at Graph's quota, its clock 10 times faster, 100 ms of latency"
_MODULE = "benchmarks.creates"
CLOCK_RATE, LATENCY_MS = 10, 100
BURST, PER_SECOND = 3000, 20 * CLOCK_RATE
_QUOTA = BURST, BURST / PER_SECOND
_INSTANCES = 3


def rows(creates: int = 10_000, script_creates: int = 200, runs: int = 5, full: bool = False) -> list[Row]:
    """The script makes only `script_creates` creates, enough to measure its speed.

    With `full` it makes all of them, once, which takes half an hour.
    """
    script_creates, script_runs = (creates, 1) if full else (script_creates, runs)
    ours = repeated(runs, lambda: _with_the_app(creates))
    script = repeated(script_runs, lambda: _with_the_plain_script(script_creates))
    targets = (
        Target("≥ 97 % of what the quota allows in that time", ours["share"] >= 97),
        Target("none twice, none lost", True),  # in any run: `_with_the_app` raises
    )
    three = three_instances(creates, runs)
    faster = f"{ours['share'] / script['share']:.0f}× the writes that the plain script gets out of the quota"
    return [
        _row(f"{creates:,} users added by a sync", runs, ours, targets, faster),
        three,
        _row(f"baseline: the plain script, one POST each, {script_creates:,} users", script_runs, script),
    ]


def three_instances(creates: int = 10_000, runs: int = 5) -> Row:
    """The app's processes at once, each with a domain of its own, in one tenant."""
    figures = repeated(runs, lambda: _with_the_app(creates, _INSTANCES))
    targets = (
        Target("≥ 97 % of what the quota allows in that time", figures["share"] >= 97),
        Target("< 20 throttled", figures["throttled"] < 20),
        Target("none twice, none lost", True),  # as above
    )
    return _row(f"{creates:,} users added by {_INSTANCES} instances at once", runs, figures, targets)


def _with_the_app(creates: int, instances: int = 1) -> Figures:
    with _tenant(creates, instances) as tenant, ThreadPoolExecutor(instances) as at_once:
        tenant.begin()
        # Several read the source themselves: here no timer has it read for all.
        env = tenant.stack.settings | ({"READ": "live"} if instances > 1 else {})
        run = partial(in_fresh_process, sync_with_the_app, *_QUOTA, env=env)
        each = list(at_once.map(run, domains(instances)))
        figures = {**each[0], "cpu": sum(one["cpu"] for one in each)}
        figures |= {name: max(one[name] for one in each) for name in ("wall", "peak")} | _seen(tenant)
        if not figures["sent"] - figures["throttled"] == figures["added"] == creates:
            raise AssertionError(f"of {creates} people, some were created twice or not at all: {figures}")
        return figures


def _with_the_plain_script(creates: int) -> Figures:
    with _tenant(creates) as tenant:
        tenant.begin()
        figures = in_fresh_process(sync_with_the_plain_script, env=tenant.stack.settings)
        return figures | _seen(tenant)


def _tenant(creates: int, on: int = 1) -> AbstractContextManager[Emulated]:
    """One user of each domain is in Entra already, because a sync treats an empty domain differently."""
    return emulated(creates + on, on, on=on, latency_ms=LATENCY_MS, clock_rate=CLOCK_RATE)


def _seen(tenant: Emulated) -> Figures:
    """The creates in the emulator's log; `added` is the number of users now in Entra."""
    summary = tenant.calls()
    creates = [call for call in summary["log"] if (call["method"], call["path"]) == ("POST", "/users")]
    done_at = [call["at"] for call in creates if call["status"] == 201]
    seconds = max(done_at) - min(done_at)
    return {
        "added": tenant.users() - tenant.on,
        "sent": len(creates),
        "throttled": sum(1 for call in creates if call["status"] == 429),
        "requests": summary["outer"],
        "seconds": seconds,
        "share": 100 * len(done_at) / (BURST + PER_SECOND * seconds),
    }


def _row(what: str, runs: int, figures: Figures, targets: tuple[Target, ...] = (), ratio: str = "") -> Row:
    return Row(
        what,
        _MODULE,
        runs,
        figures["cpu"],
        figures["wall"],
        figures["peak"],
        {
            "% of the writes allowed": figures["share"],
            "s from the first to the last": figures["seconds"],
            "Graph requests": figures["requests"],
            "writes throttled": figures["throttled"],
        },
        ratio,
        targets=targets,
    )


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
