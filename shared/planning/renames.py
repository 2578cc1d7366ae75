"""Renames in an order that works: the holder of a wanted UPN is renamed first. Pure.

Entra refuses a UPN that another user still has. In a chain (a→b, b→c) the far end goes first. In a cycle (a→b, b→a)
no order works, so one user is moved to a temporary UPN on the tenant's onmicrosoft.com domain first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.model.changes import Change
from shared.model.people import EntraUser

# How each temporary UPN begins.
TEMPORARY = "sync-"


def temporary_upn(user: Change | EntraUser, initial_domain: str) -> str:
    """A UPN that no other user has: the object id is unique, and its 36 characters fit the local part's 64."""
    return f"{TEMPORARY}{user.object_id}@{initial_domain}"


def in_workable_order(renames: Sequence[Change], initial_domain: str) -> list[Change]:
    """The same renames, each after the one that frees its new UPN; cycles are broken by a temporary UPN (`via`)."""
    by_current = {change.upn.lower(): change for change in renames}
    ordered: list[Change] = []
    done: set[str] = set()
    for start in renames:
        path: list[Change] = []
        change: Change | None = start
        on_path: set[str] = set()
        while change is not None and (upn := change.upn.lower()) not in done and upn not in on_path:
            path.append(change)
            on_path.add(upn)
            change = by_current.get(change.new_upn.lower())
        if change is not None and change.upn.lower() in on_path:
            # `change` closes the cycle: once it has a temporary UPN, the others can follow from the far end.
            aside = temporary_upn(change, initial_domain)
            path[path.index(change)] = replace(change, via=aside, direct_first=False)
        ordered.extend(reversed(path))
        done |= on_path
    return ordered


def in_waves(renames: Iterable[Change]) -> list[list[Change]]:
    """Renames grouped in waves: those of one wave may be sent in any order, the waves one after another.

    A wave holds only renames whose new UPN was free before the run, or was freed by an earlier wave; temporary
    UPNs are taken before the first wave.
    """
    waves: list[list[Change]] = []
    wave_that_frees: dict[str, int] = {}
    for change in renames:
        wave = wave_that_frees.get(change.new_upn.lower(), -1) + 1
        if not change.via or change.direct_first:
            wave_that_frees[change.upn.lower()] = wave
        while len(waves) <= wave:
            waves.append([])
        waves[wave].append(change)
    return waves
