"""Judges undos: each account that the undone sync changed is again as it was, but for whom the undo names."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from local.entra.directory import Directory
from local.entra.errors import Json
from tests.simulation.audit_log import Line
from tests.simulation.graph import Effect

_ATTRIBUTES = (
    "userPrincipalName", "displayName", "surname", "givenName", "mailNickname", "onPremisesImmutableId",
    "accountEnabled",
)  # fmt: skip


# So many seconds Graph's lists may lag behind.
_LAG = 60.0


def not_undone(
    undo: Mapping[str, Any],
    rows: Iterable[Line],
    effects: Mapping[str, Collection[Effect]],
    directory: Directory,
) -> list[str]:
    """What is otherwise than before the undone sync, though no row of the undo says why and nobody else changed it.

    `effects`: object id → everything that was done to it, also by hand, in order.
    """
    named = {name for row in rows if row.result != "succeeded" for name in row.names}
    complaints = []
    for object_id, every in effects.items():
        done = [one for one in every if one.by and one.by.run_id == undo["undoes"]]
        # Who was added in doubt is named by the UPN alone.
        names = {object_id, *(str(one.after["userPrincipalName"]).lower() for one in done)}
        if not done or names & named or _is_edited(every, done[0], undo):
            continue
        now = directory.users.get(object_id)
        for name, before in _expected(done, disable_added=undo["disableAdded"]):
            after = now.properties.get(name) if now else "no account"
            if (after or None) != (before or None):
                complaints.append(f"{undo['id']} {object_id} {name}: {after!r}, was {before!r}")
    return complaints


def taken_from_others(undo: Mapping[str, Any], effects: Mapping[str, Collection[Effect]]) -> Iterator[str]:
    """Attributes that the undo wrote, though somebody had changed them since the undone sync, and before it looked."""
    for object_id, every in effects.items():
        done = [one for one in every if one.by and one.by.run_id == undo["undoes"]]
        own = [one for one in every if one.by and one.by.run_id == undo["id"]]
        if not done or not own or own[0].deed != "update" or own[0].by is None:
            continue
        first, looked_at = own[0], own[0].by.began_at - _LAG
        for name in _ATTRIBUTES:
            written = [one.after.get(name) for one in done if _changes(one, name)]
            last = max((one.at for one in every if one.at < first.at and _changes(one, name)), default=0.0)
            aside = str(first.before.get(name)).startswith(f"sync-{object_id}@")
            kept = written and (first.before.get(name) or None) == (written[-1] or None)
            if written and _changes(first, name) and not (kept or aside) and last < looked_at:
                yield f"{undo['id']} {object_id} {name}: {first.before.get(name)!r}, the sync wrote {written[-1]!r}"


def _changes(one: Effect, name: str) -> bool:
    return one.deed == "update" and (one.before.get(name) or None) != (one.after.get(name) or None)


def _is_edited(every: Iterable[Effect], first: Effect, undo: Mapping[str, Any]) -> bool:
    """Whether somebody else changed it since the undone sync has seen it, or a write of it arrived late."""
    runs = {undo["id"], undo["undoes"]}
    seen = min(first.at, first.by.began_at - _LAG) if first.by else first.at
    since = [one for one in every if one.at >= seen]
    return any(one.late or one.by is None or one.by.run_id not in runs for one in since)


def _expected(done: list[Effect], *, disable_added: bool) -> list[tuple[str, object]]:
    """The attributes that the sync wrote, and the value of each before that."""
    first, last = done[0], done[-1]
    if first.deed == "create":
        return [("accountEnabled", False)] if disable_added else []
    was = _alive(first)
    if any(one.deed == "delete" for one in done):
        return [(name, was.get(name)) for name in _ATTRIBUTES]
    return [
        (name, was.get(name))
        for name in _ATTRIBUTES
        if was.get(name) != last.after.get(name)
        # Nobody gets back the temporary UPN of a change that was cut off.
        and not str(was.get(name)).startswith(f"sync-{first.object_id}@")
        and not (first.deed == "restore" and name == "accountEnabled" and disable_added)
    ]


def _alive(first: Effect) -> Json:
    """The account before that, with the UPN that it had before it was deleted."""
    upn = str(first.before["userPrincipalName"]).removeprefix(first.object_id.replace("-", ""))
    return {**first.before, "userPrincipalName": upn}
