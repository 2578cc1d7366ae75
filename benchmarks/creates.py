"""10,000 creates under Graph's write quota, whose clock runs 10 times faster, at 100 ms of latency.

The quota allows 3,000 writes at once, then 200 a second. The figure is the share of it that a sync used, from the first
create to the last, by the emulator's log. In a real tenant the quota's clock is 10 times slower but the latency is the
same, so this benchmark is harder.
"""

from benchmarks.emulated import Emulated, emulated
from benchmarks.measuring import Figures, in_fresh_process, repeated
from benchmarks.report import Row, Target, markdown
from benchmarks.worker import sync_with_the_app, sync_with_the_plain_script

TITLE = "Creates at Graph's quota, its clock 10 times faster, 100 ms of latency"
_MODULE = "benchmarks.creates"
CLOCK_RATE, LATENCY_MS = 10, 100
BURST, PER_SECOND = 3000, 20 * CLOCK_RATE
# One user is in Entra already, because a sync treats an empty domain differently.
_PRESENT = 1


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
    faster = f"{ours['share'] / script['share']:.0f}× the writes that the plain script gets out of the quota"
    return [
        _row(f"{creates:,} users added by a sync", runs, ours, targets, faster),
        _row(f"baseline: the plain script, one POST each, {script_creates:,} users", script_runs, script),
    ]


def _with_the_app(creates: int) -> Figures:
    with emulated(creates + _PRESENT, _PRESENT, latency_ms=LATENCY_MS, clock_rate=CLOCK_RATE) as tenant:
        tenant.begin()
        quota = (BURST, BURST / PER_SECOND)
        figures = in_fresh_process(sync_with_the_app, *quota, env=tenant.stack.settings) | _seen(tenant)
        if not figures["sent"] - figures["throttled"] == figures["added"] == creates:
            raise AssertionError(f"of {creates} people, some were created twice or not at all: {figures}")
        return figures


def _with_the_plain_script(creates: int) -> Figures:
    with emulated(creates + _PRESENT, _PRESENT, latency_ms=LATENCY_MS, clock_rate=CLOCK_RATE) as tenant:
        tenant.begin()
        figures = in_fresh_process(sync_with_the_plain_script, env=tenant.stack.settings)
        return figures | _seen(tenant)


def _seen(tenant: Emulated) -> Figures:
    """The creates in the emulator's log; `added` is the number of users now in Entra."""
    summary = tenant.calls()
    creates = [call for call in summary["log"] if (call["method"], call["path"]) == ("POST", "/users")]
    done_at = [call["at"] for call in creates if call["status"] == 201]
    seconds = max(done_at) - min(done_at)
    return {
        "added": tenant.users() - _PRESENT,
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
