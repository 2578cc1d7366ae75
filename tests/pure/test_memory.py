"""What a run learns of people, merged with what others learned, taken over from earlier versions, and forgotten."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.leavers import IN_RECYCLE_BIN
from shared.model.memory import (
    FORGOTTEN_AFTER,
    Delta,
    after_deletions,
    difference,
    doubt_on,
    due,
    forget,
    linked,
    merge,
    taken_over,
    with_absences,
    with_blocked,
    with_forms,
    with_names,
    with_upns,
)
from shared.model.people import Memory
from shared.words import said

TODAY = date(2026, 3, 31)
NOW = TODAY.isoformat()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()
LONG_AGO = (TODAY - FORGOTTEN_AFTER).isoformat()
AOKI = Memory(links={"aoki": "1"}, names={"aoki": "a b"}, since={"aoki": YESTERDAY})

_columns = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"))
_memories = st.builds(
    lambda links, names, lost, deleted, filled, outside: Memory(
        links=links,
        deleted=deleted,
        filled=filled,
        names={who: value for who, value in names.items() if who in links},
        lost={who: value for who, value in lost.items() if who in links},
        blocked={who: value for who, value in names.items() if who in links},
        outside={who: value for who, value in outside.items() if who in links},
    ),
    _columns,
    _columns,
    _columns,
    _columns,
    _columns,
    _columns,
)


def test_what_named_people_is_known_of_those_with_a_link_and_forgotten_where_nothing_did() -> None:
    memory = Memory(
        links={"aoki": "1", "baba": "2", "gone": "3"}, upns={"aoki": "u", "baba": "u", "gone": "e"}
    )

    known = with_upns(memory, {"aoki": "e", "new": "u"}, ["aoki", "baba", "new"])

    assert known.upns == {"aoki": "e", "gone": "e"}
    assert merge(memory, difference(memory, known)) == known


class TestMerging:
    @given(_memories, _memories)
    def test_what_nobody_else_changed_is_what_the_run_leaves(self, before: Memory, after: Memory) -> None:
        assert merge(before, difference(before, after)) == after

    @given(_memories, _memories)
    def test_a_second_time_changes_nothing(self, before: Memory, after: Memory) -> None:
        assert merge(after, difference(before, after)) is after
        assert merge(before, difference(before, before)) is before

    @given(_memories, _memories, _memories)
    def test_nobody_is_half_known(self, before: Memory, after: Memory, other: Memory) -> None:
        merged = merge(other, difference(before, after))

        assert merged.names.keys() | merged.lost.keys() <= merged.links.keys()

    @given(_memories, _memories, _memories)
    def test_a_link_that_another_has_changed_stays(
        self, before: Memory, after: Memory, other: Memory
    ) -> None:
        merged = merge(other, difference(before, after))

        for who in "abc":
            was, now, there = before.links.get(who), after.links.get(who), other.links.get(who)
            if there != was:
                # Only who was forgotten with their account before is known by the new one.
                assert merged.links.get(who) == (now if there is None and now != was else there)

    def test_people_of_two_runs_are_both_kept(self) -> None:
        one, two = (
            linked(AOKI, AOKI.links | {"baba": "2"}, TODAY),
            linked(AOKI, AOKI.links | {"chiba": "3"}, TODAY),
        )

        merged = merge(one, difference(AOKI, two))

        assert merged.links == {"aoki": "1", "baba": "2", "chiba": "3"}
        assert merged.since == {"aoki": YESTERDAY, "baba": NOW, "chiba": NOW}

    def test_a_person_is_forgotten_only_as_they_were_read(self) -> None:
        gone, back = linked(AOKI, {}, TODAY), with_names(AOKI, {"aoki": "c d"})

        assert merge(AOKI, difference(AOKI, gone)) == Memory()
        assert merge(back, difference(AOKI, gone)) is back

    def test_whom_another_forgot_with_an_earlier_account_is_known_by_the_new_one(self) -> None:
        anew = linked(AOKI, {"aoki": "2"}, TODAY)
        delta = difference(AOKI, anew)

        assert merge(Memory(), delta).links == {"aoki": "2"}
        assert merge(merge(AOKI, delta), difference(AOKI, Memory())).links == {"aoki": "2"}

    def test_names_of_a_person_whom_another_run_forgot_are_not_kept_alone(self) -> None:
        renamed = with_names(linked(Memory(), {"aoki": "1"}, TODAY), {"aoki": "c d"})
        delta = difference(linked(Memory(), {"aoki": "1"}, TODAY), renamed)

        assert merge(Memory(), delta).names == {}

    def test_deletions_are_merged(self) -> None:
        before = Memory(deleted={"1": YESTERDAY})
        after = after_deletions(linked(before, {"aoki": "1"}, TODAY), ["5"], ["1"], TODAY)
        other = after_deletions(before, ["6"], [], TODAY)

        merged = merge(other, difference(before, after))

        assert merged.deleted == {"5": NOW, "6": NOW}
        assert merge(merged, difference(before, after)) is merged


class TestDoubt:
    def test_it_is_that_of_a_memory_begun_anew_on_a_domain_not_reviewed_since(self) -> None:
        memory = Memory(anew="2026-03-31T05:00:00+00:00", reviewed=("two.example",))

        assert "begun anew at 2026-03-31T05:00:00+00:00: on one.example" in said(
            doubt_on("one.example", memory)
        )
        assert doubt_on("two.example", memory) == doubt_on("one.example", Memory()) == ()

    def test_a_review_counts_for_the_loss_that_was_seen_and_once(self) -> None:
        seen = Memory(anew="1")
        reviewed = difference(seen, Memory(anew="1", reviewed=("one.example",)))

        assert reviewed == Delta(reviewed=("one.example", "1"))
        merged = merge(seen, reviewed)
        assert merged.reviewed == ("one.example",)
        assert merge(merged, reviewed) is merged
        assert merge(lost_again := Memory(anew="2"), reviewed) is lost_again


class TestLinks:
    def test_the_first_day_is_kept(self) -> None:
        before = Memory(links={"aoki": "1"}, since={"aoki": YESTERDAY})

        after = linked(before, {"aoki": "9", "baba": "2"}, TODAY)

        assert after.since == {"aoki": YESTERDAY, "baba": NOW}

    def test_deletions_are_known_for_as_long_as_the_recycle_bin_keeps_them(self) -> None:
        last, gone = TODAY - IN_RECYCLE_BIN, TODAY - IN_RECYCLE_BIN - timedelta(days=1)
        before = Memory(deleted={"1": last.isoformat(), "2": gone.isoformat(), "3": YESTERDAY})

        after = after_deletions(before, ["4"], ["3"], TODAY)

        assert after.deleted == {"1": last.isoformat(), "4": NOW}


class TestTakingOver:
    def test_links_on_which_all_agree_are_kept(self) -> None:
        memory = taken_over([{"aoki": "1"}, {"aoki": "1", "baba": "2"}])

        assert memory == Memory(links={"aoki": "1", "baba": "2"})

    def test_what_contradicts_itself_does_not_count(self) -> None:
        memory = taken_over(
            [{"aoki": "1", "baba": "2", "chiba": "3", "doi": "4"}, {"aoki": "9", "endo": "3"}]
        )

        assert memory == Memory(links={"baba": "2", "doi": "4"})


class TestForgetting:
    def test_whom_neither_side_shows_is_lost_from_that_day(self) -> None:
        memory = Memory(
            links={"here": "1", "listed": "2", "gone": "3", "away": "4"}, lost={"away": YESTERDAY}
        )

        after = with_absences(memory, {"here"}, {"1", "2"}, TODAY)

        assert after.lost == {"gone": NOW, "away": YESTERDAY}

    @pytest.mark.parametrize(("days", "kept"), [(0, True), (29, True), (30, False), (90, False)])
    def test_an_account_that_is_listed_ends_it_once_a_month(self, days: int, kept: bool) -> None:
        """Runs of other domains don't see the account: they would set it again each hour."""
        since = (TODAY - timedelta(days=days)).isoformat()
        memory = Memory(links={"left": "1"}, lost={"left": since})

        assert with_absences(memory, set(), {"1"}, TODAY).lost == ({"left": since} if kept else {})

    def test_a_person_who_is_back_in_the_source_is_not_lost(self) -> None:
        memory = Memory(links={"aoki": "1"}, lost={"aoki": LONG_AGO})

        assert with_absences(memory, {"aoki"}, set(), TODAY).lost == {}

    def test_after_ninety_days_they_are_due_and_forgotten_unless_the_account_is_found(self) -> None:
        almost = (TODAY - FORGOTTEN_AFTER + timedelta(days=1)).isoformat()
        links = {"gone": "1", "found": "2", "almost": "3"}
        memory = Memory(
            links=links,
            names=dict.fromkeys(links, "a b"),
            since=dict.fromkeys(links, LONG_AGO),
            lost={"gone": LONG_AGO, "found": LONG_AGO, "almost": almost},
        )

        asked = due(memory, TODAY)
        after = forget(memory, asked.values(), {"2"}, TODAY)

        assert asked == {"1": "gone", "2": "found"}
        assert (after.links, after.lost) == ({"found": "2", "almost": "3"}, {"found": NOW, "almost": almost})
        assert after.names.keys() == after.since.keys() == after.links.keys()


def test_forms_and_blocks_are_known_only_of_people_with_a_link() -> None:
    linked_people = linked(Memory(), {"aoki": "1"}, TODAY)

    assert with_forms(linked_people, {"aoki": "f", "baba": "g"}).forms == {"aoki": "f"}
    assert with_blocked(linked_people, {"aoki": "created", "baba": "blocked"}).blocked == {"aoki": "created"}
    assert with_blocked(linked_people, {"aoki": ""}).blocked == {}
