"""What a day or a week of syncs amounts to, for those who want it in one message. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from shared.model.notifications import Happening, Notification
from shared.model.parts import Parts, say
from shared.model.runs import Mode, Run, RunKind, Status
from shared.model.told import Told
from shared.reports.heard import counted, outcome

Period = Literal["digest.daily", "digest.weekly"]
PERIODS: tuple[Period, ...] = get_args(Period)
# A message names no more domains.
MOST_DOMAINS = 30


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain's runs of the period, and what has been told of it."""

    runs: Sequence[Run]
    told: Told | None


def last_full(period: Period, now: datetime) -> tuple[date, date]:
    """First day, and the day after the last one: of the last day, or of the last week from Monday on. In UTC."""
    today = now.date()
    if period == "digest.daily":
        return today - timedelta(days=1), today
    monday = today - timedelta(days=today.weekday())
    return monday - timedelta(days=7), monday


def digest(
    period: Period, first: date, now: datetime, domains: Mapping[str, Domain], to: Notification
) -> Happening | None:
    """The happening for one notification; None if on none of its domains anything has changed or failed."""
    total: Counter[str] = Counter()
    lines: list[Parts] = []
    for name, domain in sorted(domains.items()):
        runs = [run for run in domain.runs if run.mode is Mode.SYNC or run.kind is RunKind.WATCH]
        bad = sum(run.status in (Status.FAILED, Status.CANCELLED) for run in runs)
        counts = sum((Counter(counted(run)) for run in runs), Counter())
        counts.pop("skipped", None)
        if not to.of(name) or not (bad or counts):
            continue
        total += counts + Counter(bad=bad, syncs=len(runs))
        line = say("notify.digestDomain", domain=name, syncs=len(runs), bad=bad, outcome=outcome(counts))
        if domain.told and (streak := domain.told.streaks.get("run.failed")):
            line += say("notify.failingSince", since=f"{streak.since:%Y-%m-%d %H:%M}")
        lines.append(line)
    if not lines:
        return None
    text = tuple(part for line in lines[:MOST_DOMAINS] for part in line)
    if more := len(lines) - MOST_DOMAINS if len(lines) > MOST_DOMAINS else 0:
        text += say("notify.digestMore", domains=more)
    return Happening(event=period, about=first.isoformat(), at=now, counts=dict(total), text=text)
