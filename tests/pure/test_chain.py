"""Chains of log rows: whatever is done to one afterwards is found, and named at its row."""

from collections.abc import Sequence
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.store.chain import (
    NOTHING,
    Break,
    Mark,
    Terms,
    Walk,
    ended,
    linked,
    mark_in,
    mark_of,
    verified,
)

Row = dict[str, Any]
Chain = tuple[list[Row], Mark]
PARTITION = "contoso.com"
# No key sorts behind it.
NEVER = "~"
PINNED = "2/7999999999999-00000001/e83cd077e5d2998786a2d37ae5bb4d1fb1c8e97a4a4e30a68b39cc9a807dbac2"


def key(place: int, token: int) -> str:
    """As of a run that began at that time: the latest sorts first."""
    return f"{8_000_000_000_000 - place:013d}-{token:08x}"


def row(row_key: str, amount: int) -> Row:
    return {"PartitionKey": PARTITION, "RowKey": row_key, "fields": amount, "name": "Aoki"}


def covered(one: Any) -> Any:
    return one["fields"]


def by_key(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda one: str(one["RowKey"]))


def chain_of(rows: Sequence[Row]) -> Chain:
    """These rows, in this order, as a chain: as storage gives them, and the head."""
    mark, made = NOTHING, []
    for one in rows:
        chained, mark = linked(one, mark, covered)
        made.append(chained)
    return by_key(made), mark


@st.composite
def chains(draw: st.DrawFn, least: int = 1) -> Chain:
    """Up to 12 rows; clocks differ, so that neighbours may stand the other way round in the order of their keys."""
    skews = draw(st.lists(st.integers(-25, 25), min_size=least, max_size=12))
    return chain_of([row(key(place * 10 + skew, place), place) for place, skew in enumerate(skews)])


def begun(head: Mark, kept: Mark = NOTHING) -> Walk:
    return Walk(log="runs", partition=PARTITION, after="0", head=head, expected=head, kept=kept)


def verify(
    rows: Sequence[Row],
    head: Mark,
    *,
    oldest: str = NEVER,
    page: int = 100,
    newest: int | None = None,
    kept: Mark = NOTHING,
) -> Walk | Break:
    walk = begun(head, kept)
    terms = Terms(
        covered=covered,
        newest=head.number if newest is None else newest,
        oldest=oldest,
        is_open=lambda one: one["fields"] == "running",
    )
    for start in range(0, len(rows) or 1, page):
        found = verified(walk, rows[start : start + page], terms)
        if isinstance(found, Break):
            return found
        walk = Walk.model_validate_json(found.model_dump_json())  # as a cursor has it
    return ended(walk, oldest) or walk


@given(chains(least=0))
def test_a_chain_that_nobody_has_touched_is_whole(chain: Chain) -> None:
    rows, head = chain
    found = verify(rows, head)
    assert isinstance(found, Walk)
    assert (found.checked, found.unchained, found.expected) == (len(rows), 0, NOTHING)


@given(chains(), st.data())
def test_page_by_page_it_is_as_at_once(chain: Chain, data: st.DataObject) -> None:
    rows, head = chain
    rows = [one for one in rows if data.draw(st.integers(0, 5))]
    for one in rows:
        one["fields"] = one["fields"] if data.draw(st.integers(0, 5)) else "otherwise"

    assert verify(rows, head, page=data.draw(st.integers(1, 5))) == verify(rows, head)


@given(chains(), st.data())
def test_an_altered_row_is_named_whatever_of_it_is_altered(chain: Chain, data: st.DataObject) -> None:
    rows, head = chain
    marks = [mark_in(one) for one in rows]
    one = data.draw(st.sampled_from(rows))
    column = data.draw(st.sampled_from(["fields", "follows", "hash"]))
    value = data.draw(
        {
            "fields": st.integers(100, 200) | st.text() | st.none() | st.just("running"),
            "follows": st.sampled_from([str(mark) for mark in marks]) | st.text() | st.none(),
            "hash": st.sampled_from([mark.hash for mark in marks]) | st.text() | st.none(),
        }[column]
    )
    assume(value != one[column])
    one[column] = value

    assert verify(rows, head) == Break("altered", one["RowKey"])


@given(chains(least=2), st.data())
def test_an_altered_row_with_a_new_hash_is_named_too(chain: Chain, data: st.DataObject) -> None:
    rows, head = chain
    one = data.draw(st.sampled_from(rows))
    follows = mark_of(one["follows"])
    assert follows is not None
    made, _ = linked({**one, "fields": "otherwise"}, follows, covered)

    found = verify(by_key([made if one is each else each for each in rows]), head)

    assert found == Break("head" if one["RowKey"] == head.key else "altered", one["RowKey"])


@given(chains(), st.data())
def test_a_missing_row_is_named(chain: Chain, data: st.DataObject) -> None:
    rows, head = chain
    gone = rows.pop(data.draw(st.integers(0, len(rows) - 1)))

    assert verify(rows, head) == Break("missing", gone["RowKey"])


@given(chains(least=2), st.data())
def test_two_rows_in_each_others_place_are_found_at_the_newer_one(chain: Chain, data: st.DataObject) -> None:
    rows, head = chain
    one, other = sorted(data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=2, max_size=2)))
    keys = rows[one]["RowKey"], rows[other]["RowKey"]
    rows[one], rows[other] = {**rows[other], "RowKey": keys[0]}, {**rows[one], "RowKey": keys[1]}

    assert verify(rows, head) == Break("altered", keys[0])


@given(chains(), st.integers(-40, 200), st.booleans(), st.data())
def test_an_added_row_is_named(chain: Chain, place: int, forged: bool, data: st.DataObject) -> None:
    """Also one that was given a place after another row, as only a reader of this file would."""
    rows, head = chain
    added = row(key(place, 99), 99)
    if forged:
        after = data.draw(st.sampled_from([NOTHING, *map(mark_in, rows)]))
        added, _ = linked(added, after, covered)
    else:
        first = next(mark_in(one).key for one in rows if not one["follows"])
        assume(added["RowKey"] < first)

    found = verify(by_key([*rows, added]), head)

    assert isinstance(found, Break)
    assert (found.flaw in ("added", "head"), found.row) == (True, added["RowKey"])


@given(chains(), st.data())
def test_a_head_that_was_altered_is_found(chain: Chain, data: st.DataObject) -> None:
    rows, head = chain
    other = data.draw(
        st.just(NOTHING)
        | st.builds(head._replace, number=st.integers(1, 20))
        | st.builds(head._replace, hash=st.sampled_from(["0" * 64, "f" * 64]))
        | st.builds(head._replace, key=st.builds(key, st.integers(-40, 200), st.just(99)))
        | st.sampled_from([mark_in(one) for one in rows])
    )
    assume(other != head)

    assert isinstance(verify(rows, other), Break)


def test_one_without_its_head_begins_anew_and_is_found() -> None:
    rows, _ = chain_of([row(key(place, place), place) for place in range(3)])

    assert verify(rows, NOTHING) == Break("head", rows[0]["RowKey"])


@given(chains(), st.integers(-40, 200))
def test_what_was_purged_is_no_break_and_what_is_younger_is_one(chain: Chain, place: int) -> None:
    """The purge goes by keys: near its edge a row may be left whose successor is gone."""
    rows, head = chain
    kept = [one for one in rows if one["RowKey"] <= key(place, 0)]
    oldest = key(place + 50, 0)

    assert isinstance(verify(kept, head, oldest=oldest), Walk)
    assert isinstance(verify(rows, head, oldest=oldest), Walk)
    for gone in kept:
        if gone["RowKey"] <= oldest:
            found = verify([one for one in kept if one is not gone], head, oldest=oldest)
            assert found == Break("missing", gone["RowKey"])


@given(chains(), st.lists(st.integers(1, 100), unique=True, max_size=5))
def test_rows_from_before_the_chain_are_counted(chain: Chain, ages: list[int]) -> None:
    rows, head = chain
    found = verify([*rows, *by_key([row(key(-100 - age, age), age) for age in ages])], head)
    assert isinstance(found, Walk)
    assert (found.checked, found.unchained) == (len(rows), len(ages))


def test_a_row_that_is_not_finished_is_none_of_the_log() -> None:
    rows, head = chain_of([row(key(place, place), place) for place in range(3)])
    running = row(key(9, 9), 9) | {"fields": "running"}

    assert isinstance(verify(by_key([*rows, running]), head), Walk)


@given(chains(least=2), st.data())
def test_what_is_written_while_a_chain_is_verified_is_left_for_the_next_time(
    chain: Chain, data: st.DataObject
) -> None:
    rows, head = chain
    marks = sorted(map(mark_in, rows))
    since = data.draw(st.integers(0, len(rows) - 1))

    found = verify(rows, marks[since], newest=head.number)

    assert isinstance(found, Walk)
    assert found.checked == since + 1


class TestAHeadThatWasKept:
    @given(chains(), st.data())
    def test_every_head_that_there_was_is_led_through(self, chain: Chain, data: st.DataObject) -> None:
        rows, head = chain
        kept = data.draw(st.sampled_from([mark_in(one) for one in rows]))
        assert isinstance(verify(rows, head, kept=kept), Walk)

    @given(chains(), st.data())
    def test_a_chain_made_anew_does_not_lead_through_it(self, chain: Chain, data: st.DataObject) -> None:
        rows, head = chain
        place = data.draw(st.integers(0, len(rows) - 1))
        in_order = sorted(rows, key=lambda one: mark_in(one).number)
        in_order[place]["fields"] = "otherwise"
        again, new_head = chain_of(in_order)

        assert isinstance(verify(again, new_head), Walk)
        assert verify(again, new_head, kept=head) == Break("kept", head.key)

    def test_nor_does_one_that_was_cut_short(self) -> None:
        rows, head = chain_of([row(key(place, place), place) for place in range(3)])
        assert verify(rows[1:], mark_in(rows[1]), kept=head) == Break("kept", head.key)

    def test_of_what_was_purged_the_last_row_is_known(self) -> None:
        rows, head = chain_of([row(key(place, place), place) for place in range(3)])
        oldest = key(2, 99)
        purged = mark_in(rows[1])

        assert isinstance(verify(rows[:1], head, oldest=oldest, kept=purged), Walk)
        other = purged._replace(hash="0" * 64)
        assert verify(rows[:1], head, oldest=oldest, kept=other) == Break("kept", other.key)


def test_rows_that_are_far_from_their_places_are_named() -> None:
    count = 30
    keys = [key(place, place) for place in range(count)]
    rows, head = chain_of([row(keys[0], 0), *(row(one, 1) for one in keys[:0:-1])])

    found = verify(rows, head)

    assert isinstance(found, Break)
    assert found.flaw == "outOfOrder"


@given(st.text())
def test_a_mark_is_text_and_back(text: str) -> None:
    mark = Mark(3, key(1, 1), "ab" * 32)
    assert mark_of(str(mark)) == mark
    assert mark_of(text) in (None, NOTHING)
    assert mark_of(None) is None


def test_what_is_hashed_stays_the_same() -> None:
    """Else every chain that is stored would break."""
    _, head = chain_of([row(key(place, place), place) for place in range(2)])
    assert str(head) == PINNED


def test_what_names_a_person_is_not_covered() -> None:
    rows, head = chain_of([row(key(place, place), place) for place in range(3)])
    assert isinstance(verify([{**one, "name": "erased"} for one in rows], head), Walk)
