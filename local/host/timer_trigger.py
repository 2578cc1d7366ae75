"""Timer triggers: invocations at the times of the schedule, one at a time."""

import asyncio
import datetime
import json
import logging
from collections.abc import Mapping

from local.host.functions import DeclaredFunction
from local.host.invocation import Invoker, Result
from local.host.rpc import TypedData
from local.host.schedule import parse
from local.host.settings import resolve

_log = logging.getLogger("local.host")

# After a laptop's sleep the wall clock is ahead of the event loop's clock, so long sleeps would end late.
_LONGEST_SLEEP = 30.0
_PAST_DUE = datetime.timedelta(seconds=5)


class Timer:
    """Fires one function until `stop()`."""

    def __init__(self, function: DeclaredFunction, invoker: Invoker, environ: Mapping[str, str]) -> None:
        self._function = function
        self._invoker = invoker
        self.expression = resolve(function.trigger.text("schedule"), environ)
        self._schedule = parse(self.expression)
        self._stopping = asyncio.Event()
        self._last: datetime.datetime | None = None

    async def run(self) -> None:
        due = self._schedule.next_after(_now())
        while not self._stopping.is_set():
            left = (due - _now()).total_seconds()
            if left > 0:
                await self._pause(min(left, _LONGEST_SLEEP))
                continue
            # Functions never runs a timer twice at the same time: occurrences missed meanwhile are skipped.
            await asyncio.wait([self.fire(past_due=_now() - due > _PAST_DUE)])
            due = self._schedule.next_after(max(due, _now()))

    def fire(self, *, past_due: bool = False) -> asyncio.Task[Result]:
        """Starts an invocation now, due or not; the admin endpoint calls this too."""
        now = _now()
        last, self._last = self._last, now
        status = {
            "Last": last.isoformat() if last else "0001-01-01T00:00:00+00:00",
            "Next": self._schedule.next_after(now).isoformat(),
            "LastUpdated": (last or now).isoformat(),
        }
        timer = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
        return self._invoker.start(self._function, TypedData(json=json.dumps(timer)))

    def stop(self) -> None:
        self._stopping.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
