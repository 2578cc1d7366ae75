"""Changes that need an address or an immutable ID that another object already holds. Pure.

They are reported before a sync, instead of failing during it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import say
from shared.planning.holders import IMMUTABLE_ID_TAKEN, Holder, immutable_id_taken
from shared.planning.lookups import Lookups
from shared.planning.mapping import IMMUTABLE_ID

ADDRESS_TAKEN = "AddressTaken"
# Found by looking up the holders; a sync without these lookups learns of them when Entra refuses the change.
LOOKED_UP = frozenset({ADDRESS_TAKEN, IMMUTABLE_ID_TAKEN})


def addresses_of(changes: Iterable[Change], former_addresses: Mapping[str, Iterable[str]]) -> set[str]:
    """Whose holders decide about these changes: what they would get, have, or bring back. In lower case."""
    return {
        address.lower()
        for change in changes
        for address in (change.upn, change.new_upn, *former_addresses.get(str(change.object_id), ()))
        if address
    }


def with_known_conflicts(
    changes: Sequence[Change], lookups: Lookups, renames: Sequence[Change]
) -> Iterator[Change]:
    """The same changes, with an obstacle on each that needs an address or an immutable ID held by another object.

    A UPN that a rename of this run frees counts as free, unless that rename has an obstacle itself. Addresses that
    a restore brings back count as taken for the changes after it.
    """
    leaving = {c.upn.lower(): c for c in renames if not c.obstacle}
    addresses = dict(lookups.addresses)
    for change in changes:
        wanted = [change.new_upn] if change.action is not Action.UPDATE else []
        if change.action is Action.RESTORE:
            wanted.extend(lookups.former_addresses.get(str(change.object_id), ()))
        obstacle = change.obstacle or _address_taken(change, wanted, addresses, leaving)
        if change.action is not Action.RENAME:
            obstacle = obstacle or _address_kept(change, wanted, lookups, leaving)
        immutable_id = change.after(IMMUTABLE_ID)
        obstacle = obstacle or immutable_id_taken(immutable_id, change.object_id, lookups.immutable_ids)
        if change.action is Action.RESTORE and not obstacle:
            holder = Holder(object_id=str(change.object_id), name=change.display_name, kind="restored user")
            addresses.update((address.lower(), holder) for address in wanted)
        yield change if obstacle is change.obstacle else replace(change, obstacle=obstacle)


def with_the_blocked(renames: Sequence[Change], lookups: Lookups) -> list[Change]:
    """The same renames, with an obstacle on each whose new UPN stays with the user who has it now.

    It stays if that user can't be renamed, and as an alias if they have a mailbox: Exchange keeps the old UPN. The
    renames come `in_workable_order`, so that only in a circle somebody waits for a user who comes later. A circle with
    a mailbox in it is not even begun: whoever stepped aside would be left at a temporary UPN.
    """
    holders = {change.upn.lower(): change for change in renames}
    settled: dict[str | None, Change] = {}
    for change in renames:
        holder = holders.get(change.new_upn.lower())
        obstacle = change.obstacle
        if not obstacle and holder and holder is not change:
            first = settled.get(holder.object_id)
            if first and not first.obstacle:
                obstacle = _address_kept(change, [change.new_upn], lookups, holders)
            elif first or holder.obstacle:
                obstacle = _stays(change, holder)
            else:
                obstacle = _circle(change, holders, lookups)
        settled[change.object_id] = replace(change, obstacle=obstacle)
    return list(settled.values())


def _stays(change: Change, holder: Change) -> Obstacle:
    message = say(
        "address.stays",
        address=change.new_upn,
        holder=holder.display_name,
        objectId=str(holder.object_id),
    )
    return Obstacle(ADDRESS_TAKEN, message)


def _circle(change: Change, holders: Mapping[str, Change], lookups: Lookups) -> Obstacle | None:
    """Why the circle of renames that this change closes can't be gone through; None if it can."""
    circle = [change]
    while (following := holders[circle[-1].new_upn.lower()]) is not change:
        circle.append(following)
    if any(one.obstacle for one in circle):
        return _stays(change, circle[1])
    keeper = next((one for one in circle if _keeps_upn(one, lookups)), None)
    if keeper is None:
        return None
    message = say(
        "address.circle",
        addresses=tuple(sorted(one.upn for one in circle)),
        holder=keeper.display_name,
        objectId=str(keeper.object_id),
        address=keeper.upn,
    )
    return Obstacle(ADDRESS_TAKEN, message)


def _keeps_upn(change: Change, lookups: Lookups) -> bool:
    """Whether the user who is renamed keeps the old UPN as an alias."""
    holder = lookups.addresses.get(change.upn.lower())
    has_alias = holder is not None and holder.alias and holder.object_id == change.object_id
    return has_alias or lookups.protection.has_mailbox(str(change.object_id))


def _address_kept(
    change: Change, wanted: Sequence[str], lookups: Lookups, leaving: Mapping[str, Change]
) -> Obstacle | None:
    for address in wanted:
        holder = leaving.get(address.lower())
        if holder and holder.object_id != change.object_id and _keeps_upn(holder, lookups):
            message = say(
                "address.kept",
                address=address,
                holder=holder.display_name,
                objectId=str(holder.object_id),
            )
            return Obstacle(ADDRESS_TAKEN, message)
    return None


def _address_taken(
    change: Change, wanted: Sequence[str], addresses: Mapping[str, Holder], leaving: Mapping[str, Change]
) -> Obstacle | None:
    """Not of the UPN of a user who is renamed: whether it becomes free is settled elsewhere."""
    for address in wanted if addresses else ():
        holder = addresses.get(address.lower())
        if holder is None or holder.object_id == change.object_id:
            continue
        going = leaving.get(address.lower())
        if going is None or going.object_id != holder.object_id:
            return Obstacle(ADDRESS_TAKEN, say("address.taken", address=address, holder=holder.described))
    return None
