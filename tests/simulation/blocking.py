"""Judges accounts that syncs have blocked: leavers were signed out, too, and whoever is back may sign in again."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from local.entra import User
from tests.simulation.clock import seconds
from tests.simulation.graph import Effect

Effects = Mapping[str, Sequence[Effect]]


def still_signed_in(leavers: Iterable[User], effects: Effects, undoing: Collection[str]) -> Iterator[str]:
    """Leavers whose sessions are from before they were blocked. `effects`: object id → everything that was done to it.

    `undoing`: runs that undo another: whom they block is no leaver.
    """
    for user, blocked in _blocked(leavers, effects, undoing):
        ended = user["signInSessionsValidFromDateTime"]
        # Graph tells whole seconds.
        if not ended or seconds(str(ended)) < int(blocked.at):
            yield f"{user.upn} ({user.id}), blocked at {blocked.at:.0f} s"


def still_blocked(people: Iterable[User], effects: Effects, undoing: Collection[str]) -> Iterator[str]:
    """Of accounts of people in the source, those that a sync has blocked, and nobody since."""
    for user, blocked in _blocked(people, effects, undoing):
        yield f"{user.upn} ({user.id}), blocked at {blocked.at:.0f} s"


def _blocked(
    users: Iterable[User], effects: Effects, undoing: Collection[str]
) -> Iterator[tuple[User, Effect]]:
    for user in users:
        last = next((one for one in reversed(effects.get(user.id, ())) if one.switches), None)
        if last and last.by and last.blocks and last.by.run_id not in undoing:
            yield user, last
