"""Changes that need an address or an immutable ID that another object already holds. Pure.

They are reported before a sync, instead of failing during it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import say
from shared.planning.holders import Holder, Holders
from shared.planning.mapping import IMMUTABLE_ID

ADDRESS_TAKEN, IMMUTABLE_ID_TAKEN = "AddressTaken", "ImmutableIdTaken"
# Found by looking up the holders; a sync without these lookups learns of them when Entra refuses the change.
LOOKED_UP = frozenset({ADDRESS_TAKEN, IMMUTABLE_ID_TAKEN})


def with_known_conflicts(
    changes: Sequence[Change], lookups: Holders, renames: Sequence[Change]
) -> Iterator[Change]:
    """The same changes, with an obstacle on each that needs an address or an immutable ID held by another object.

    A UPN that a rename of this run frees counts as free, unless that rename has an obstacle itself. Addresses that
    a restore brings back count as taken for the changes after it.
    """
    stuck = {c.upn.lower() for c in renames if c.obstacle}
    freed = {c.upn.lower(): c.object_id for c in renames if c.upn.lower() not in stuck}
    addresses = dict(lookups.addresses)
    for change in changes:
        wanted = [change.new_upn] if change.action is not Action.UPDATE else []
        if change.action is Action.RESTORE:
            wanted.extend(lookups.former_addresses.get(str(change.object_id), ()))
        obstacle = change.obstacle or _address_taken(change, wanted, addresses, freed)
        obstacle = obstacle or _immutable_id_taken(change, lookups.immutable_ids)
        if change.action is Action.RESTORE and not obstacle:
            holder = Holder(object_id=str(change.object_id), name=change.display_name, kind="restored user")
            addresses.update((address.lower(), holder) for address in wanted)
        yield change if obstacle is change.obstacle else replace(change, obstacle=obstacle)


def with_the_blocked(renames: Sequence[Change]) -> list[Change]:
    """The same renames, with an obstacle on each that waits for the UPN of a user who can't be renamed.

    Without it, a cycle of renames would leave a user at a temporary UPN.
    """
    waiting_for = {change.new_upn.lower(): change for change in renames}
    obstacles: dict[str | None, Obstacle] = {c.object_id: c.obstacle for c in renames if c.obstacle}
    for stuck in [change for change in renames if change.obstacle]:
        holder = stuck
        while (waiting := waiting_for.get(holder.upn.lower())) and waiting.object_id not in obstacles:
            obstacles[waiting.object_id] = Obstacle(
                ADDRESS_TAKEN,
                say(
                    "address.stays",
                    address=waiting.new_upn,
                    holder=holder.display_name,
                    objectId=str(holder.object_id),
                ),
            )
            holder = waiting
    return [replace(change, obstacle=obstacles.get(change.object_id)) for change in renames]


def _address_taken(
    change: Change, wanted: Sequence[str], addresses: Mapping[str, Holder], freed: Mapping[str, str | None]
) -> Obstacle | None:
    for address in wanted if addresses else ():
        holder = addresses.get(address.lower())
        if holder is None or holder.object_id == change.object_id:
            continue
        if holder.alias or freed.get(address.lower()) != holder.object_id:
            return Obstacle(ADDRESS_TAKEN, say("address.taken", address=address, holder=holder.described))
    return None


def _immutable_id_taken(change: Change, immutable_ids: Mapping[str, Holder]) -> Obstacle | None:
    immutable_id = change.after(IMMUTABLE_ID) if immutable_ids else None
    holder = immutable_ids.get(str(immutable_id)) if immutable_id else None
    if holder is None or holder.object_id == change.object_id:
        return None
    message = say("immutableId.taken", immutableId=str(immutable_id), holder=holder.described)
    return Obstacle(IMMUTABLE_ID_TAKEN, message)
