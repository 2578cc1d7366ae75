"""What a run learns of people, merged into what the tenant's other runs have learned meanwhile. Pure.

A run writes what it changed, person by person, as the entry that it read and the entry that it leaves. What another run
has changed since is left as it is: a worker that was frozen must not undo what its successor knows.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import repeat

from shared.model.leavers import IN_RECYCLE_BIN, merged_rows
from shared.model.parts import Parts, say
from shared.model.people import Memory

# How old `lost` becomes before an account in Entra ends it, so that runs of different domains don't take turns.
_LOST_AGAIN = timedelta(days=30)
# By then the account was not listed for at least 60 days: 30 in the recycle bin, and 30 more.
FORGOTTEN_AFTER = _LOST_AGAIN + timedelta(days=60)

# A person's columns, in the order of an entry.
_COLUMNS = ("links", "names", "forms", "since", "lost", "upns", "blocked", "outside")
# Columns that are not by source id.
_FLAT = ("deleted", "filled", "leavers")
Entry = tuple[str, ...]
_NOTHING: Entry = ("",) * len(_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What a run has changed: source id → entry before and after, and by column, key → text before and after.

    `reviewed`: the domain on which an approval has ended the doubt, and when the memory had been begun anew.
    """

    people: Mapping[str, tuple[Entry, Entry]] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    reviewed: tuple[str, str] | None = None


def doubt_on(domain: str, memory: Memory) -> Parts:
    """Why some of the memory may be missing where this domain is synchronised; empty if that was reviewed."""
    if not memory.anew or domain in memory.reviewed:
        return ()
    return say("memory.anew", domain=domain, since=memory.anew)


def difference(before: Memory, after: Memory) -> Delta:
    people: set[str] = set()
    for column in _COLUMNS:
        known, now = getattr(before, column), getattr(after, column)
        if known != now:
            people.update(who for who, _ in known.items() ^ now.items())
    columns = {}
    for column in _FLAT:
        known, now = getattr(before, column), getattr(after, column)
        if known != now:
            changed = {one for one, _ in known.items() ^ now.items()}
            columns[column] = {one: (known.get(one, ""), now.get(one, "")) for one in changed}
    reviewed = set(after.reviewed) - set(before.reviewed)
    was, become = _entries(before, people), _entries(after, people)
    return Delta(
        people={who: (was[who], become[who]) for who in people},
        columns=columns,
        reviewed=next(((domain, after.anew) for domain in reviewed), None),
    )


def merge(current: Memory, delta: Delta) -> Memory:
    """The memory with what the run has changed; the same object if nothing is left to change."""
    there = _entries(current, delta.people)
    entries = {
        who: entry
        for who, change in delta.people.items()
        if (entry := _merged(there[who], *change)) != there[who]
    }
    flat = {
        column: _changed(
            getattr(current, column),
            {
                one: text
                for one, (before, now) in changes.items()
                if (text := _text(column, known := getattr(current, column).get(one, ""), before, now))
                != known
            },
        )
        for column, changes in delta.columns.items()
    }
    same = all(now is getattr(current, column) for column, now in flat.items())
    domain, anew = delta.reviewed or ("", "")
    reviewed = domain and anew == current.anew and domain not in current.reviewed
    if same and not (entries or reviewed):
        return current
    links, names, forms, since, lost, upns, blocked, outside = (
        _changed(getattr(current, column), {who: entry[place] for who, entry in entries.items()})
        for place, column in enumerate(_COLUMNS)
    )
    return replace(
        current,
        links=links,
        names=names,
        forms=forms,
        since=since,
        lost=lost,
        upns=upns,
        blocked=blocked,
        outside=outside,
        deleted=flat.get("deleted", current.deleted),
        filled=flat.get("filled", current.filled),
        leavers=flat.get("leavers", current.leavers),
        reviewed=(*current.reviewed, domain) if reviewed else current.reviewed,
    )


def linked(
    memory: Memory, links: Mapping[str, str], today: date, anew: Collection[str] = frozenset()
) -> Memory:
    """The memory with exactly these links. `anew`: object ids to which every link counts as made today."""
    gone = memory.links.keys() - links.keys()
    fresh = (who for who, account in links.items() if who not in memory.links or account in anew)
    new = dict.fromkeys(fresh, today.isoformat())
    # What was done to one account says nothing of another one.
    moved = [who for who in memory.blocked if links.get(who) != memory.links.get(who)]
    return replace(
        memory,
        links=dict(links),
        names=_without(memory.names, gone),
        forms=_without(memory.forms, gone),
        since=_without(memory.since, gone) | new,
        lost=_without(memory.lost, gone),
        upns=_without(memory.upns, gone),
        blocked=_without(memory.blocked, moved),
        outside=_without(memory.outside, gone),
    )


def with_forms(memory: Memory, forms: Mapping[str, str]) -> Memory:
    return replace(memory, forms={who: known for who, known in forms.items() if who in memory.links})


def with_blocked(memory: Memory, blocked: Mapping[str, str]) -> Memory:
    return replace(
        memory, blocked={who: mark for who, mark in blocked.items() if mark and who in memory.links}
    )


def with_names(memory: Memory, names: Mapping[str, str]) -> Memory:
    """The memory with the digests of these people's names, as a good sync learned them."""
    return replace(memory, names={**memory.names, **names})


def with_upns(memory: Memory, upns: Mapping[str, str], everybody: Iterable[str]) -> Memory:
    """The memory with what named these people; of the others in the source nothing did."""
    known = _without(memory.upns, everybody)
    return replace(memory, upns=known | {who: one for who, one in upns.items() if who in memory.links})


def with_scope(memory: Memory, out_of_scope: Mapping[str, bool], today: date) -> Memory:
    """The memory with who of the people in the source is out of scope. Of those who left it, it stays as it was."""
    left = {who: since for who, since in memory.outside.items() if out_of_scope.get(who, True)}
    new = {who for who, out in out_of_scope.items() if out and who in memory.links} - left.keys()
    return replace(memory, outside=left | dict.fromkeys(new, today.isoformat()))


def with_absences(memory: Memory, source_ids: Collection[str], listed: Set[str], today: date) -> Memory:
    """The memory with those whom neither side has.

    `source_ids`: everybody in the source. `listed`: the object ids on one domain. An account that is not listed there
    may be on another domain, so those who are `due` are looked up before they are forgotten.
    """
    young = (today - _LOST_AGAIN).isoformat()
    lost = {}
    for who in memory.links.keys() - source_ids:
        since = memory.lost.get(who, "")
        if memory.links[who] not in listed:
            lost[who] = since or today.isoformat()
        elif since > young:
            lost[who] = since
    return replace(memory, lost=lost)


def due(memory: Memory, today: date) -> dict[str, str]:
    """Object id → source id of those to be forgotten, unless the account is found after all."""
    oldest = (today - FORGOTTEN_AFTER).isoformat()
    return {memory.links[who]: who for who, since in memory.lost.items() if since <= oldest}


def forget(memory: Memory, people: Iterable[str], found: Collection[str], today: date) -> Memory:
    """Without these people; those whose accounts were `found` (object ids) are asked about again later."""
    kept = {who: today.isoformat() for who in people if memory.links[who] in found}
    gone = set(people) - kept.keys()
    left = {who: account for who, account in memory.links.items() if who not in gone}
    memory = linked(memory, left, today)
    return replace(memory, lost=memory.lost | kept)


def after_deletions(memory: Memory, deleted: Iterable[str], restored: Iterable[str], today: date) -> Memory:
    """The memory with the accounts that a sync deleted, as long as they may lie in the recycle bin."""
    oldest = (today - IN_RECYCLE_BIN).isoformat()
    known = {one: day for one, day in memory.deleted.items() if day >= oldest}
    known |= dict.fromkeys(deleted, today.isoformat())
    return replace(memory, deleted=_without(known, restored))


def with_leavers(memory: Memory, rows: Mapping[str, str]) -> Memory:
    """The memory with exactly these leavers."""
    return replace(memory, leavers=dict(rows))


def taken_over(old: Iterable[Mapping[str, str]]) -> Memory:
    """One memory from those of each domain: the links on which they agree.

    Of those that contradict each other none counts: an immutable ID or UPN finds the right one again.
    """
    accounts: dict[str, set[str]] = defaultdict(set)
    owners: dict[str, set[str]] = defaultdict(set)
    for links in old:
        for who, account in links.items():
            accounts[who].add(account)
            owners[account].add(who)
    memory = Memory()
    for who, candidates in accounts.items():
        if len(candidates) == 1 and all(len(owners[account]) == 1 for account in candidates):
            (memory.links[who],) = candidates
    return memory


def _entries(memory: Memory, people: Collection[str]) -> dict[str, Entry]:
    columns = (map(getattr(memory, column).get, people, repeat("")) for column in _COLUMNS)
    return dict(zip(people, zip(*columns, strict=True), strict=True))


def _merged(current: Entry, before: Entry, after: Entry) -> Entry:
    if current == before:
        return after if after[0] else _NOTHING
    if after == _NOTHING:
        return current
    if current == _NOTHING and after[0] != before[0]:
        return after  # forgotten with the account before this one
    fields = zip(current, before, after, strict=True)
    merged = tuple(now if there == was else there for there, was, now in fields)
    return merged if merged[0] else _NOTHING


def _text(column: str, there: str, before: str, now: str) -> str:
    if there == before:
        return now
    return merged_rows(there, before, now) if column == "leavers" else there


def _changed(column: dict[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    if not changes:
        return column
    return {who: value for who, value in {**column, **changes}.items() if value}


def _without(column: Mapping[str, str], gone: Iterable[str]) -> dict[str, str]:
    left = dict(column)
    for who in gone:
        left.pop(who, None)
    return left
