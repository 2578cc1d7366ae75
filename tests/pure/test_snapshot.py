"""A snapshot of the source: everybody comes back as they were, or nobody does."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.model.packed import SnapshotDamaged, unzipped, zipped
from shared.model.parts import say
from shared.model.people import SourceUser
from shared.planning.mapping import AttributeMap, domain_of
from shared.planning.scope import Scope
from shared.source import Staged
from shared.source.snapshot import (
    Rows,
    map_digest,
    unpacked,
)
from tests.support.people import MAP, source_user

# Also what no UTF-8 can hold: half of a pair of surrogates, as JSON may have it.
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
FIELDS = ["username", "upn", "email", "Display Name", "Given Name", "Family Name", "Status", "immutable_id"]
RECORDS = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, TEXT | st.booleans() | st.none()))
DOMAINS = st.sampled_from(["", "aoki@contoso.com", "Baba@CONTOSO.com", "chiba@other.com", "no domain"])
DIGEST = map_digest(MAP)


def read(record: Mapping[str, object], upn: str, number: int) -> SourceUser:
    return MAP.source_user({**record, "username": f"{record.get('username')}{number}", "upn": upn})


USERS = st.lists(st.tuples(RECORDS, TEXT | DOMAINS)).map(
    lambda found: [read(record, upn, number) for number, (record, upn) in enumerate(found)]
)
BUILT = st.builds(
    replace,
    st.builds(source_user, upn=DOMAINS),
    upn_given=st.booleans(),
    only_found=st.booleans(),
    name_made=st.booleans(),
    out_of_scope=st.booleans(),
    status=st.none() | st.booleans() | st.just("odd"),
    problem=st.just(()) | st.just(say("match.sameAccount", users=("a", "b"), account="c")),
)


def read_into(rows: Rows, users: Iterable[SourceUser]) -> None:
    for user in users:
        rows.append(user)


def some(*users: SourceUser) -> Rows:
    people = Rows()
    read_into(people, users)
    people.fitting, people.fields = '{"sourceId": "login 名"}', [1, ["Note", False, 1, True, ["x*"], 1, {}]]
    return people


@given(USERS | st.lists(BUILT))
def test_everybody_comes_back_as_they_were_read(users: list[SourceUser]) -> None:
    content, digest = some(*users).packed(DIGEST)

    again = unpacked(content, digest)

    assert sorted(map(repr, again)) == sorted(map(repr, users))
    assert (again.fitting, again.fields) == (some().fitting, some().fields)


@given(USERS)
def test_people_of_one_domain_keep_their_order(users: list[SourceUser]) -> None:
    content, digest = some(*users).packed(DIGEST)

    again = unpacked(content, digest)

    by_domain: dict[str, list[int]] = {}
    for user in again:
        by_domain.setdefault(domain_of(user.upn), []).append(users.index(user))
    assert all(found == sorted(found) for found in by_domain.values())


@given(USERS, st.randoms())
def test_the_digests_do_not_depend_on_the_order(users: list[SourceUser], chance: Random) -> None:
    shuffled = chance.sample(users, len(users))

    assert digests(users) == digests(shuffled)


def digests(users: list[SourceUser]) -> list[tuple[object, ...]]:
    """What the index says of each part, but for its length: compressed, another order may be longer."""
    _, header, _ = some(*users).packed(DIGEST)[0].split(b"\n", 2)
    return [(part["domain"], part["users"], part["digest"]) for part in orjson.loads(header)["parts"]]


@given(st.lists(BUILT, min_size=1), st.data())
def test_one_that_was_cut_or_altered_is_refused(users: list[SourceUser], data: st.DataObject) -> None:
    content, digest = some(*users).packed(DIGEST)
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255))
    assume(byte != content[place])

    altered = content[:place] + bytes([byte]) + content[place + 1 :]
    for damaged in (content[:place], altered, content + b"x"):
        with pytest.raises(SnapshotDamaged):
            unpacked(damaged, digest)


def test_another_one_is_refused() -> None:
    content, _ = some(source_user()).packed(DIGEST)
    _, other = some(source_user(status=False)).packed(DIGEST)

    with pytest.raises(SnapshotDamaged):
        unpacked(content, other)


def test_the_digest_of_a_map_is_that_of_how_records_are_read() -> None:
    scope = Scope.model_validate({"exclude": [{"side": "source", "field": "Note", "op": "isEmpty"}]})
    maps = [
        MAP,
        AttributeMap.of({"department": "Department"}),
        AttributeMap.of({"sourceId": "Login"}),
        AttributeMap.of({"accountEnabled": "!Disabled"}),
        AttributeMap.of({}, scope),
    ]

    assert len({map_digest(one) for one in maps}) == len(maps)
    assert map_digest(AttributeMap.of({})) == DIGEST == "e7607b85f8f5d4da"


@given(st.lists(USERS | st.lists(BUILT), max_size=4), TEXT)
def test_stages_give_what_was_read_so_far_and_where_it_goes_on(
    read_so_far: list[list[SourceUser]], cursor: str
) -> None:
    whole, stages = Rows(), list[bytes]()
    for number, users in enumerate(read_so_far):
        read_into(whole, users)
        staged = Staged(
            cursor=f"{cursor}{number}",
            pages=number,
            items=10 * number,
            fields=[3],
            fitting=cursor,
            absent=["Note"],
            places={user.source_id: number for user in users},
        )
        stages.append(whole.stage(staged))

    again = Rows()
    found = again.go_on(stages)

    assert again.packed(DIGEST) == whole.packed(DIGEST)
    assert len(again) == len(whole)
    places = {user.source_id: number for number, users in enumerate(read_so_far) for user in users}
    assert found == (replace(staged, places=places) if stages else None)


def test_a_damaged_stage_is_refused() -> None:
    rows = Rows()
    rows.append(source_user())
    staged = Staged(cursor="x", pages=1, items=1)
    whole = rows.stage(staged)
    odd = [zipped([b"{}"]), zipped([b"1"]), zipped([unzipped(rows.stage(staged))[:-1], b"[]"])]

    for damaged in (whole[:-1], b"", b"x" + whole, whole[:5], *odd):
        with pytest.raises(SnapshotDamaged):
            Rows().go_on([damaged])


def test_what_was_read_can_be_dropped() -> None:
    rows = Rows()
    rows.append(source_user())
    staged = Staged(cursor="x", pages=1, items=1)

    rows.clear()

    assert rows.packed(DIGEST) == Rows().packed(DIGEST)
    assert rows.stage(staged) == Rows().stage(staged)
