"""Whether a sync was good, as the alerts ask it. Pure.

A sync may end without an error of its own and still have done nothing it was there for: Entra refused all its
writes, or it deleted nobody because a permission is missing.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from shared.model.runs import Counts, Mode, Run

# As many failing people as one line of the log names by digest: 5,500 characters.
MOST_DIGESTS = 500
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Quality:
    """`tried` counts the changes that took effect or failed; `not_deleted` who stayed for want of a look.

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
        """As `run.finished` says it."""
        return {
            "good": self.good,
            "tried": self.tried,
            "mostlyFailed": self.mostly_failed,
            "notDeleted": self.not_deleted,
            "failing": list(self.failing),
        }


def judge(run: Run, failed: Collection[str], not_deleted: int) -> Quality:
    """`failed` names everybody with a failed change, as in the run's records.

    A dry run is never good, for it changes nothing; nor is an undo, which says nothing of the sync to come.
    """
    is_sync = run.mode is Mode.SYNC
    tried = _made(run.counts) + run.counts.failed
    mostly_failed = is_sync and _mostly_failed(tried, run.counts.failed)
    return Quality(
        good=is_sync and not run.undoes and run.status.good and not mostly_failed and not not_deleted,
        tried=tried,
        mostly_failed=mostly_failed,
        not_deleted=not_deleted,
        failing=tuple(sorted({_digest(run.domain, person) for person in failed})[:MOST_DIGESTS]),
    )


def _mostly_failed(tried: int, failed: int) -> bool:
    return failed > 0 and (failed == tried or (failed > 5 and failed * 10 >= tried))


def _made(counts: Counts) -> int:
    return counts.add + counts.update + counts.rename + counts.restore + counts.delete


def _digest(domain: str, person: str) -> str:
    """The same at each run, and no name: one in 4 billion is enough to tell the failing from each other."""
    return hashlib.sha256(f"{domain}\n{person}".encode()).hexdigest()[:_DIGITS]
