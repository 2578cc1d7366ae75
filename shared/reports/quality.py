"""Whether a sync was good, as the alerts define it. Pure.

A sync may end without an error of its own and still have failed its purpose: Entra refused all its writes, or it
deleted nobody because a permission is missing.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from shared.model.runs import Mode, Run

# The most failing users that one log line lists by digest: 5,500 characters.
MOST_DIGESTS = 500
_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """`tried` counts the changes that took effect, failed or are in doubt, `not_deleted` the users kept because a
    lookup failed.

    `mostly_failed`: nothing succeeded though something was tried, or more than 5 and a tenth of all failed.
    `failing` has a digest for each user with a failed change, in order, and no more than `MOST_DIGESTS`.
    """

    good: bool
    tried: int
    mostly_failed: bool
    not_deleted: int
    failing: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """The fields of the log event `run.finished`."""
        return {
            "good": self.good,
            "tried": self.tried,
            "mostlyFailed": self.mostly_failed,
            "notDeleted": self.not_deleted,
            "failing": list(self.failing),
        }


def judge(run: Run, failed: Collection[str], not_deleted: int) -> Quality:
    """`failed` has the person of each failed change, as in a change's `Key`.

    A dry run is never good, because it changes nothing; nor is an undo or a run of a few chosen people, which say
    nothing about the next sync.
    """
    is_sync = run.mode is Mode.SYNC
    bad = run.counts.failed + run.counts.doubtful
    tried = run.counts.made + bad
    mostly_failed = is_sync and _mostly_failed(tried, bad)
    return Quality(
        good=is_sync
        and not run.undoes
        and run.only is None
        and run.status.good
        and not mostly_failed
        and not not_deleted,
        tried=tried,
        mostly_failed=mostly_failed,
        not_deleted=not_deleted,
        failing=tuple(sorted({_digest(run.domain, person) for person in failed})[:MOST_DIGESTS]),
    )


def _mostly_failed(tried: int, failed: int) -> bool:
    return failed > 0 and (failed == tried or (failed > 5 and failed * 10 >= tried))


def _digest(domain: str, person: str) -> str:
    """The same in every run, and not a name. One in 4 billion is enough to tell failing users apart."""
    return hashlib.sha256(f"{domain}\n{person}".encode()).hexdigest()[:_DIGITS]
