"""Estimates for other sizes: measured figures times published limits and prices. `make docs` fills docs/scale.md.

Measured figures come from results.json, settings from the files that set them. Prices and guesses are here.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp
from pathlib import Path
from statistics import linear_regression
from typing import Any

from benchmarks import creates, nothing_to_do
from benchmarks.emulated import SOURCE_PAGE_SIZE
from local.processes import REPOSITORY
from shared.entra.batch import BATCH_SIZE
from shared.entra.users import PAGE_SIZE
from shared.entra.write_quota import WINDOW_SECONDS, WRITES_PER_WINDOW
from shared.settings import Settings
from shared.store.leases import Times

# The source's share of the cost of a user; the rest is for the account in Entra and for comparing the two.
# Measured once, 2026-11: 100,000 users in the source, with 1,000 or all of them on the domain.
SOURCE_CPU, SOURCE_MEMORY = 0.6, 1 / 3
# Seconds of a run in a worker that has had one. Measured once, 2026-11: an hour with a run in each of 100 domains of 10
# users and a room, less the hour after it without a run. The rest of a single run's CPU is the worker's start.
RUN_CPU = 0.09
# Seconds a user of the source. Measured once, 2026-11, 100,000 users: a worker loads a snapshot, and each run plans
# with the people of other domains in sight.
LOADING_CPU, OTHERS_CPU = 6e-6, 5e-6
# Counted once, 2026-11, in the SDKs' request log: an hourly run of a domain with an account, such as a room, that is
# only in Entra. Each request to Graph adds one table request. Two more are for the snapshots of both sides, which a
# worker loads once, and one is for the domain's part of Entra's.
TABLE_REQUESTS, BLOB_WRITES, BLOB_READS, QUEUE_REQUESTS = 15, 14, 10, 3
# Of one reading for all domains, beside one request for each hundred of them: rows, blobs and its message.
READING_REQUESTS = 15
# For that account: whether it may be somebody's of the source who waits elsewhere, and the purpose of its mailbox.
ROOM_LOOKUPS = 2
# So often everybody in Entra is listed, and each domain has a run although nothing has changed.
LISTINGS_AN_HOUR = RUNS_AN_HOUR = 1 / 24
# A domain without a run has one operation of storage, and one line in the log.
LINE_REQUESTS, LINE_LINES = 1, 1
# Lines of a run in Application Insights, from the app and the host.
LOG_LINES = 10
# Lines of a timer tick: two from the host, one from the app, and some fifty from the instance that starts for it.
TICK_LINES = 53

# Guesses: nothing was measured against the real services.
SOURCE_PAGE_SECONDS, GRAPH_PAGE_SECONDS, BATCH_SECONDS, STORAGE_SECONDS = 0.2, 1.0, 1.0, 0.01
LINE_BYTES = 1_500  # of a log line, with what Application Insights adds
USABLE_MEMORY = 0.8  # of an instance; the rest is the Functions host's
CHANGED = 0.01  # of all users, in an hour with changes
CHANGED_A_DAY = 0.013  # of all users
RUNS_A_CHANGE = 2  # the one that writes it, and the next, which finds nothing to do

# "Microsoft Graph throttling limits", identity and access, 2026: a tenant of more than 500 users; a page with
# $select costs one unit. "Scalability targets for standard storage accounts", 2026.
GRAPH_UNITS_PER_SECOND, STORAGE_REQUESTS_PER_SECOND = 800, 20_000
WRITES_PER_SECOND = WRITES_PER_WINDOW / WINDOW_SECONDS

# USD, East US, pay as you go, zone-redundant hot storage. The price lists of 2025 and 2026, from memory and secondary
# sources: check azure.microsoft.com/pricing before you rely on them.
GB_SECOND, FREE_GB_SECONDS = 0.000026, 100_000  # Functions, Flex Consumption, on demand
EXECUTION, FREE_EXECUTIONS = 0.40 / 1e6, 250_000
ALWAYS_READY_GB_SECOND = 0.000004  # while it waits
TABLE_REQUEST, QUEUE_REQUEST, BLOB_WRITE, BLOB_READ = 0.00036 / 1e4, 0.0004 / 1e4, 0.0625 / 1e4, 0.004 / 1e4
LOG_GB, FREE_LOG_GB = 2.30, 5  # Log Analytics
ALERT_RULE = 0.50  # a log search alert that asks every 15 minutes or less often

HOURS_A_MONTH = 730
USERS, DOMAINS = (1_000, 10_000, 100_000, 1_000_000), (1, 10, 100, 500)
MEMORY_SIZES = (512, 2048, 4096)
Table = tuple[Sequence[str], list[Sequence[str]]]


@dataclass(frozen=True)
class Measured:
    """A run with nothing to do: a fixed cost and a cost per user, by least squares; and the write quota used.

    CPU in seconds, memory in MB.
    """

    cpu: float
    cpu_per_user: float
    mb: float
    mb_per_user: float
    lookups: int  # requests to Graph for what has changed in the tenant
    quota_used: float  # of what Graph allows


@dataclass(frozen=True)
class Deployment:
    """The values of host.json, main.bicep and the app's settings."""

    batch_size: int
    at_a_time: int  # runs on one instance
    instances: int
    memory_mb: int
    batches_in_flight: int
    alerts: int


@dataclass(frozen=True)
class Hour:
    """One hour of periodic syncs of all domains, if nothing has changed, and if each domain has a run all the same.

    Only the requests are those of the former.
    """

    reading_seconds: float  # before the runs
    run_seconds: float
    seconds: float
    instances: int
    memory_mb: float
    source_requests: int
    graph_requests: int
    storage_requests: int
    runs: float  # the share of hours in which a domain has one
    cost: Mapping[str, float]  # USD a month, by kind
    used: Mapping[str, float]  # of each limit

    @property
    def binds(self) -> str:
        return max(self.used, key=lambda limit: self.used[limit])

    @property
    def works(self) -> bool:
        return max(self.used.values()) <= 1


def measured(results: Path = REPOSITORY / "benchmarks" / "results.json") -> Measured:
    sections = {section["title"]: section["rows"] for section in json.loads(results.read_text())["sections"]}
    rows: dict[int, Any] = {
        int(found[1].replace(",", "")): row
        for row in sections[nothing_to_do.TITLE]
        if (found := re.fullmatch(r"([\d,]+) users", row["what"]))
    }
    cpu = linear_regression(list(rows), [row["cpu_seconds"] for row in rows.values()])
    memory = linear_regression(list(rows), [row["peak_mb"] for row in rows.values()])
    lookups = max(int(row["counts"]["Graph requests"]) for row in rows.values())
    quota_used = sections[creates.TITLE][0]["counts"]["% of the writes allowed"] / 100
    return Measured(cpu.intercept, cpu.slope, memory.intercept, memory.slope, lookups, quota_used)


def deployment() -> Deployment:
    queues = json.loads((REPOSITORY / "host.json").read_text())["extensions"]["queues"]
    bicep = (REPOSITORY / "infra" / "main.bicep").read_text(encoding="utf-8")
    sizes = {name: int(size) for name, size in re.findall(r"^param (\w+) int = (\d+)$", bicep, re.MULTILINE)}
    return Deployment(
        batch_size=queues["batchSize"],
        at_a_time=queues["batchSize"] + queues["newBatchThreshold"],
        instances=sizes["maximumInstanceCount"],
        memory_mb=sizes["instanceMemoryMB"],
        batches_in_flight=Settings.model_fields["batches_in_flight"].default,
        alerts=len(list((REPOSITORY / "infra" / "alerts").glob("*.kql"))),
    )


def hour(users: int, domains: int, m: Measured, d: Deployment) -> Hour:
    """Both sides are read once for all domains, of Entra what has changed; users and changes are spread evenly."""
    on_domain = ceil(users / domains)
    source = 1 + ceil(users / SOURCE_PAGE_SIZE)
    pages = source * SOURCE_PAGE_SECONDS
    for_all = m.lookups + ceil(ceil(users / PAGE_SIZE) * LISTINGS_AN_HOUR)
    tables, reads = TABLE_REQUESTS + ROOM_LOOKUPS, BLOB_READS
    storage = tables + reads + BLOB_WRITES + QUEUE_REQUESTS

    instances = min(ceil(domains / d.batch_size), d.instances)
    at_a_time = min(ceil(domains / instances), d.at_a_time)
    source_cpu = m.cpu_per_user * SOURCE_CPU * users
    cpu = RUN_CPU + OTHERS_CPU * (users - on_domain) + m.cpu_per_user * (1 - SOURCE_CPU) * on_domain
    # Both sides are read at the same time.
    both = max(pages, for_all * GRAPH_PAGE_SECONDS)
    waiting, reading = ROOM_LOOKUPS * GRAPH_PAGE_SECONDS, both + source_cpu
    start = m.cpu - RUN_CPU + LOADING_CPU * users
    # Runs on one instance wait in parallel, but compute one after the other.
    run = waiting + storage * STORAGE_SECONDS + at_a_time * cpu + start
    seconds = reading + run * ceil(domains / (instances * at_a_time))
    reads += int(run / Times().renew_every)

    changes = 1 - exp(-CHANGED_A_DAY * on_domain / 24)
    share = min(1.0, RUNS_AN_HOUR + RUNS_A_CHANGE * changes)
    hours = HOURS_A_MONTH / max(1.0, seconds / 3600)
    runs, lines = share * domains * hours, (1 - share) * domains * hours
    gb_seconds = (runs * run / at_a_time + hours * reading) * d.memory_mb / 1024
    blobs = BLOB_WRITES * BLOB_WRITE + reads * BLOB_READ
    memory = instance_mb(users, on_domain, at_a_time, m)
    return Hour(
        reading_seconds=reading,
        run_seconds=run,
        seconds=seconds,
        instances=instances,
        memory_mb=memory,
        source_requests=source,
        graph_requests=for_all,
        storage_requests=LINE_REQUESTS * domains + READING_REQUESTS + ceil(domains / 25),
        runs=share,
        cost={
            "computing": _beyond(gb_seconds, FREE_GB_SECONDS) * GB_SECOND
            + _beyond(runs, FREE_EXECUTIONS) * EXECUTION,
            "storage": runs * (tables * TABLE_REQUEST + blobs + QUEUE_REQUESTS * QUEUE_REQUEST)
            + (lines * LINE_REQUESTS + hours * READING_REQUESTS) * TABLE_REQUEST,
            "logs": _beyond(logged_gb(runs, lines), FREE_LOG_GB) * LOG_GB,
            "alerts": d.alerts * ALERT_RULE,
        },
        used={
            "reading the source": pages / 3600,
            "the hour": seconds / 3600,
            "memory": memory / (d.memory_mb * USABLE_MEMORY),
            "Graph's reads": (for_all + ROOM_LOOKUPS * domains) / seconds / GRAPH_UNITS_PER_SECOND,
            "Graph's writes": users * CHANGED / (WRITES_PER_WINDOW + 3600 * WRITES_PER_SECOND),
            "storage": storage * domains / seconds / STORAGE_REQUESTS_PER_SECOND,
        },
    )


def writing(writes: int, m: Measured, d: Deployment) -> tuple[float, str]:
    """Seconds, and what limits them: the burst is limited by latency, the rest by how fast the quota refills."""
    latency = ceil(writes / BATCH_SIZE / d.batches_in_flight) * BATCH_SECONDS
    quota = max(0, writes - WRITES_PER_WINDOW) / WRITES_PER_SECOND / m.quota_used
    return (latency, "latency") if latency >= quota else (quota, "Graph's quota")


def instance_mb(users: int, on_domain: int, at_a_time: int, m: Measured) -> float:
    return m.mb + at_a_time * m.mb_per_user * (SOURCE_MEMORY * users + (1 - SOURCE_MEMORY) * on_domain)


def largest_domain(memory_mb: int, at_a_time: int, m: Measured) -> int:
    """The most users of a domain, if it is the only one and `at_a_time` runs of that size share the instance."""
    return int((memory_mb * USABLE_MEMORY - m.mb) / (at_a_time * m.mb_per_user))


# The tables of docs/scale.md


def hours_table() -> Table:
    header = ("Users", "Domains", "Hours with a run", "One run", "All of them", "Instances", "Memory",
              "Access Control, requests", "Graph, requests", "Storage, requests", "USD a month",
              "Nearest limit, used")  # fmt: skip
    return header, list(_hour_rows())


def _hour_rows() -> Iterator[Sequence[str]]:
    m, d = measured(), deployment()
    for users in USERS:
        for domains in DOMAINS:
            h = hour(users, domains, m, d)
            cost = f"{sum(h.cost.values()):,.0f}" if h.works else "does not work"
            requests = (h.source_requests, h.graph_requests, h.storage_requests)
            yield (f"{users:,}", f"{domains}", f"{h.runs:.0%}", _time(h.run_seconds), _time(h.seconds),
                   f"{h.instances}", f"{h.memory_mb:,.0f} MB", *(f"{n:,}" for n in requests), cost,
                   f"{h.binds}, {h.used[h.binds]:.0%}")  # fmt: skip


def cost_table(users: int = 10_000) -> Table:
    hours = [(domains, hour(users, domains, measured(), deployment()).cost) for domains in DOMAINS]
    rows = [(f"{domains}", *(f"{usd:,.2f}" for usd in cost.values())) for domains, cost in hours]
    return ("Domains", *(kind.capitalize() for kind in hours[0][1])), [*rows]


def memory_table() -> Table:
    m, d = measured(), deployment()
    together = (1, d.batch_size, d.at_a_time)
    rows = [
        (f"{mb:,} MB", *(f"{largest_domain(mb, n, m) // 1000 * 1000:,}" for n in together))
        for mb in MEMORY_SIZES
    ]
    return ("Instance", "1 run", *(f"{n} runs at a time" for n in together[1:])), [*rows]


def writing_table() -> Table:
    m, d = measured(), deployment()
    found = [(writes, *writing(writes, m, d)) for writes in (1_000, 3_000, 10_000, 100_000, 1_000_000)]
    return ("Writes", "Time", "Bound by"), [(f"{n:,}", _time(seconds), by) for n, seconds, by in found]


def measured_table() -> Table:
    m, d = measured(), deployment()
    ready = ALWAYS_READY_GB_SECOND * d.memory_mb / 1024 * HOURS_A_MONTH * 3600
    return ("What", "How much"), [
        ("CPU of a run", f"{m.cpu:.2f} s, and {m.cpu_per_user * 1e6:.0f} µs a user"),
        ("Memory of a worker with one run", f"{m.mb:.0f} MB, and {m.mb_per_user * 1024:.1f} kB a user"),
        ("Of these the source's side", f"{SOURCE_CPU:.0%} of the CPU, {SOURCE_MEMORY:.0%} of the memory"),
        ("Used of Graph's write quota", f"{m.quota_used:.1%}"),
        ("Runs on an instance", f"{d.batch_size} by the queue's length, {d.at_a_time} at most"),
        ("Instances", f"{d.instances} at most, {d.memory_mb:,} MB each"),
        ("An always-ready instance", f"{ready:,.0f} USD a month before it does anything"),
    ]


def logs_table() -> Table:
    """What Log Analytics takes in per month, and what that costs."""
    rows: list[Sequence[str]] = []
    for domains in (0, *DOMAINS):
        gigabytes = logged_gb(domains * HOURS_A_MONTH)
        usd = _beyond(gigabytes, FREE_LOG_GB) * LOG_GB
        rows.append((f"{domains or 'none: an idle tenant'}", f"{gigabytes:,.2f} GB", f"{usd:,.2f}"))
    return ("Domains with periodic sync", "Logged in a month", "USD"), rows


def logged_gb(runs: float, lines: float = 0.0) -> float:
    """GB a month: of runs, of hours that had a line instead, and of the timer, which ticks even without domains."""
    return (runs * LOG_LINES + lines * LINE_LINES + HOURS_A_MONTH * TICK_LINES) * LINE_BYTES / 1e9


def _beyond(amount: float, free: float) -> float:
    return max(0.0, amount - free)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


if __name__ == "__main__":
    for lines in (
        hours_table(),
        cost_table(),
        memory_table(),
        writing_table(),
        measured_table(),
        logs_table(),
    ):
        print("", *(" | ".join(row) for row in (lines[0], *lines[1])), sep="\n")
