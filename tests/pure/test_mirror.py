"""The mirror of Entra: any history of changes, told as delta queries tell it, leads to the tenant as it is."""

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.domains import TenantDomain
from shared.model.packed import SnapshotDamaged
from shared.model.parts import say
from shared.planning.mapping import UPN, AttributeMap
from shared.planning.mirror import (
    LISTED_EVERY,
    Listed,
    Mirror,
    Row,
    TenantFacts,
    base_rows,
    lines_with,
    merged,
    packed_mirror,
    part_rows,
    unknown_in,
    unpacked_mirror,
    wanted_digest,
)
from shared.planning.protection import Roles
from shared.planning.scope import Scope
from tests.support.people import MAP

SELECT = ("id", UPN, "displayName", "accountEnabled")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = TenantFacts(
    domains=[
        TenantDomain(
            name="a.example", authentication_type="Managed", default=True, initial=True, verified=True
        )
    ],
    roles=Roles({"1": "Reader", "2": say("protected.eligible", role=say("look.aside"))}, ("P",)),
    members={"g": frozenset({"1"}), "h": None},
    told=NOW,
)
Properties = dict[str, object]

IDS = st.integers(0, 7).map(str)
UPNS = st.sampled_from(["A@a.example", "b@A.example", "c@b.example", "sync-1@a.example", "Sync-2@b.example"])
CHANGES = st.fixed_dictionaries(
    {},
    optional={UPN: UPNS, "displayName": st.none() | st.text(max_size=3), "accountEnabled": st.booleans()},
)
DEEDS = st.lists(st.tuples(st.sampled_from(["write", "delete", "restore"]), IDS, UPNS, CHANGES), max_size=20)


@dataclass
class Tenant:
    """What is there, and what was deleted; `told`: each change, as delta tells it to who knows of `known`."""

    users: dict[str, Properties] = field(default_factory=dict)
    deleted: dict[str, Properties] = field(default_factory=dict)
    told: list[Properties] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def do(self, deed: str, who: str, upn: str, change: Properties) -> None:
        if deed == "delete" and who in self.users:
            self.deleted[who] = self.users.pop(who)
            self.told.append({"id": who, "@removed": {"reason": "changed"}})
        elif deed == "restore" and who in self.deleted:
            self.users[who] = {**self.deleted.pop(who), **change}
            self.told.append({"id": who, **change} if who in self.known else dict(self.users[who]))
            self.known.add(who)
        elif deed == "write" and who in self.users:
            self.users[who] |= change
            self.told.append({"id": who, **change})
        elif deed == "write" and who not in self.deleted:
            # What was never set is left out.
            self.users[who] = {"id": who, UPN: upn, **change}
            self.told.append(dict(self.users[who]))
            self.known.add(who)

    def on(self, domain: str) -> dict[str, Properties]:
        return {
            who: {name: user.get(name) for name in SELECT}
            for who, user in self.users.items()
            if str(user[UPN]).lower().endswith(f"@{domain}")
        }


def some_users(count: int) -> dict[str, Properties]:
    return {str(number): {"id": str(number), UPN: f"u{number}@a.example"} for number in range(count)}


def listed(tenant: Tenant) -> tuple[Mirror, bytes]:
    everybody = Listed(SELECT)
    everybody.add(tenant.users.values())
    tenant.known = {*tenant.users}
    base, parts = everybody.packed()
    mirror = Mirror(
        wanted="map",
        select=SELECT,
        links=("link",),
        base="blob",
        parts=parts,
        listed=3,
        listed_at=NOW,
        facts=FACTS,
        aside=everybody.aside(),
        users=len(everybody),
        digests={part.domain: part.digest for part in parts},
    )
    return mirror, base


def advanced(mirror: Mirror, base: bytes, items: Sequence[Properties]) -> Mirror:
    """The mirror as the next hour reads it from storage."""
    now, understood = merged(mirror, base_rows(mirror, base, unknown_in(mirror, items)), items)
    assert understood
    return unpacked_mirror(packed_mirror(now))


def on(mirror: Mirror, base: bytes, domain: str) -> dict[str, Properties]:
    part = mirror.part(domain.upper())
    rows = part_rows(part, base[part.offset : part.offset + part.length]) if part else []
    found = list(mirror.items_on(domain, rows))
    assert len({str(item["id"]) for item in found}) == len(found)
    return {str(item["id"]): item for item in found}


@given(DEEDS, st.lists(DEEDS, max_size=3))
def test_any_history_leads_to_the_tenant_as_it_is(
    before: list[tuple[str, str, str, Properties]],
    hours: list[list[tuple[str, str, str, Properties]]],
) -> None:
    tenant = Tenant()
    for deed in before:
        tenant.do(*deed)
    mirror, base = listed(tenant)
    told_before: list[Properties] = []

    for deeds in hours:
        tenant.told = []
        for deed in deeds:
            tenant.do(*deed)
        # Twice: the link before the last is followed, and what it leads to is told as it is by now.
        again = [*_as_now(tenant, told_before), *tenant.told, *_as_now(tenant, tenant.told)]
        mirror = advanced(mirror, base, again)
        told_before = tenant.told

    for domain in ("a.example", "b.example"):
        assert on(mirror, base, domain) == tenant.on(domain)
    assert mirror.users == len(tenant.users)
    assert mirror.digests == listed(tenant)[0].digests
    aside = {str(item["id"]) for item in mirror.items_aside()}
    assert aside == {who for who, user in tenant.users.items() if str(user[UPN]).lower().startswith("sync-")}


def _as_now(tenant: Tenant, told: Sequence[Properties]) -> Iterator[Properties]:
    for item in told:
        who = str(item["id"])
        if who in tenant.users:
            yield {"id": who, **{name: tenant.users[who].get(name) for name in item if name in SELECT}}
        else:
            yield {"id": who, "@removed": {"reason": "deleted"}}


def test_what_is_absent_stays_and_what_is_null_is_cleared() -> None:
    tenant = Tenant({"1": {"id": "1", UPN: "a@a.example", "displayName": "青木", "accountEnabled": True}})
    mirror, base = listed(tenant)

    mirror = advanced(mirror, base, [{"id": "1", "displayName": None}])

    assert on(mirror, base, "a.example") == {
        "1": {"id": "1", UPN: "a@a.example", "displayName": None, "accountEnabled": True}
    }


def test_who_comes_with_too_little_and_was_not_there_is_not_understood() -> None:
    mirror, _ = listed(Tenant())

    assert not merged(mirror, {}, [{"id": "1", "displayName": "青木"}])[1]
    assert merged(mirror, {}, [{"id": "1", "@removed": {"reason": "deleted"}}]) == (mirror, True)


@given(DEEDS, DEEDS, st.lists(st.tuples(IDS, st.sampled_from(["lacks", "has", "old"])), max_size=4))
def test_a_list_finds_exactly_what_the_mirror_had_wrong(
    before: list[tuple[str, str, str, Properties]],
    since: list[tuple[str, str, str, Properties]],
    wrongs: list[tuple[str, str]],
) -> None:
    tenant = Tenant()
    for deed in before:
        tenant.do(*deed)
    mirror, base = listed(tenant)
    tenant.told = []
    for deed in since:
        tenant.do(*deed)
    mirror = advanced(mirror, base, tenant.told)
    now, wrong = Listed(SELECT), dict[str, Properties | None]()
    for who, how in wrongs:
        there = tenant.users.get(who)
        if how == "has" and who not in tenant.users:
            wrong[who] = {"id": who, UPN: "new@a.example"}
        elif how == "lacks" and there:
            wrong[who] = None
        elif how == "old" and there:
            wrong[who] = {**there, "displayName": "another name"}
    everybody: dict[str, Properties | None] = {**tenant.users, **wrong}
    now.add([user for user in everybody.values() if user])

    assert now.differing(mirror, base, set()) == sorted(wrong)
    assert now.differing(mirror, base, set(wrong)) == []
    assert Listed(("id", UPN)).differing(mirror, base, set()) == []


def test_a_list_finds_who_is_gone_new_or_other_without_a_change() -> None:
    mirror, base = listed(Tenant(some_users(4)))
    now = Listed(SELECT)
    now.add([*some_users(5).values()][2:])
    now.add([{"id": "3", UPN: "u3@b.example"}])

    assert now.differing(mirror, base, set()) == ["0", "1", "3", "4"]
    assert now.differing(mirror, base, {"0", "3"}) == ["1", "4"]


@given(DEEDS)
def test_only_the_whole_blob_is_read(deeds: list[tuple[str, str, str, Properties]]) -> None:
    tenant = Tenant()
    for deed in deeds:
        tenant.do(*deed)
    mirror, base = listed(tenant)
    content = packed_mirror(mirror)

    assert unpacked_mirror(content) == mirror
    for damaged in (
        content[:-1],
        content[1:],
        content + b"x",
        b"users-mirror 1\n" + content[15:],
        b"users-mirror 2\n{}",
    ):
        with pytest.raises(SnapshotDamaged):
            unpacked_mirror(damaged)
    for part in mirror.parts:
        body = base[part.offset : part.offset + part.length]
        for wrong in (replace(part, users=part.users + 1), replace(part, digest="0")):
            with pytest.raises(SnapshotDamaged):
                part_rows(wrong, body)
        with pytest.raises(SnapshotDamaged):
            part_rows(part, body[:-1])


@given(
    st.lists(st.text('aBcK.@ö"\\\n', max_size=4), max_size=8),
    st.sets(st.text('abck.@ö"\\', min_size=1, max_size=3), max_size=3),
)
def test_lines_with_a_text_are_all_that_have_it_in_any_letter_case(names: list[str], texts: set[str]) -> None:
    users = some_users(len(names))
    tenant = Tenant({n: {**users[n], "displayName": name} for n, name in zip(users, names, strict=True)})
    mirror, base = listed(tenant)

    for part in mirror.parts:
        found = [orjson.loads(line) for line in lines_with(part, base, texts)]
        having = [str(n) for n, name in enumerate(names) if any(text in name.lower() for text in texts)]
        assert set(having) <= {row[0] for row in found}
        assert len({row[0] for row in found}) == len(found)
        with pytest.raises(SnapshotDamaged):
            lines_with(replace(part, users=part.users + 1), base, texts)


def test_lines_of_few_are_few() -> None:
    mirror, base = listed(Tenant(some_users(9)))

    assert len(lines_with(mirror.parts[0], base, {"u3@a.example"})) == 1
    assert lines_with(mirror.parts[0], base, set()) == []


def test_the_digest_of_a_part_is_the_same_in_any_order() -> None:
    users = some_users(9)

    one, _ = listed(Tenant(users))
    other, _ = listed(Tenant(dict(reversed(users.items()))))

    assert [part.digest for part in one.parts] == [part.digest for part in other.parts]


def test_rows_of_a_list_are_those_of_its_base() -> None:
    users = some_users(3)
    everybody = Listed(SELECT)
    everybody.add(users.values())
    mirror, base = listed(Tenant(users))

    assert everybody.rows(["1", "7"]) == base_rows(mirror, base, ["1", "7"])


def test_a_list_keeps_no_more_memory_than_its_rows_are_long() -> None:
    everybody = [{"id": f"{n:036}", UPN: f"{n}@a.example", "displayName": "x" * 200} for n in range(500)]
    tracemalloc.start()
    try:
        found = Listed(SELECT)
        found.add(everybody)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 500 * 800


class TestWhenEverybodyIsListedAgain:
    mirror = replace(listed(Tenant())[0], users=50_000)

    def due(self, mirror: Mirror, *, now: datetime = NOW, wanted: str = "map", doubted: int = 2) -> bool:
        return mirror.is_due(now, wanted, doubted)

    def test_once_a_day(self) -> None:
        assert not self.due(self.mirror, now=NOW + LISTED_EVERY - timedelta(seconds=1))
        assert self.due(self.mirror, now=NOW + LISTED_EVERY)

    def test_when_the_clock_has_been_put_back(self) -> None:
        assert self.due(self.mirror, now=NOW - timedelta(seconds=1))

    def test_for_another_map(self) -> None:
        assert self.due(self.mirror, wanted="another")

    def test_when_a_run_has_found_it_wrong(self) -> None:
        assert self.due(self.mirror, doubted=3)

    def test_when_many_have_changed(self) -> None:
        some: dict[str, Row] = {str(number): [str(number), "u@a.example"] for number in range(5_001)}

        assert self.due(replace(self.mirror, changed=some))
        assert not self.due(replace(self.mirror, changed=dict(list(some.items())[1:])))

    def test_when_graph_counts_others_for_the_second_time(self) -> None:
        off = self.mirror.counted(50_003)

        assert [off.is_off(before) for before in (0, 2, 3)] == [False, False, True]
        assert not replace(off, stands=3).is_off(3)
        assert not self.mirror.counted(50_000).is_off(0)


def test_only_what_is_selected_asks_for_another_mirror() -> None:
    same = AttributeMap.of({"givenName": "another field"})
    more = (AttributeMap.of({"department": "Department"}), AttributeMap.of({}, _scope_of("country")))

    assert wanted_digest(same) == wanted_digest(MAP)
    assert len({wanted_digest(one) for one in (MAP, *more)}) == 3


def _scope_of(field: str) -> Scope:
    return Scope.model_validate({"include": [{"side": "entra", "field": field, "op": "=", "value": "JP"}]})
