"""Who wants what somebody else has is told before the sync, and by whom it is held."""

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import verbatim
from shared.planning.conflicts import with_known_conflicts, with_the_blocked
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.words import said
from tests.support.people import add, change, rename

SALES = Holder(object_id="g1", name="Sales", kind="group")
BROKEN = Obstacle("ValueTooLong", verbatim("…"))


def conflicts(*changes: Change, around: Lookups, renames: tuple[Change, ...] = ()) -> list[str]:
    """What stands in the way of each of these changes, empty if nothing does."""
    found = with_known_conflicts(changes, around, renames)
    return [said(c.obstacle.message) if c.obstacle else "" for c in found]


class TestAddresses:
    def test_an_update_wants_no_address(self) -> None:
        around = Lookups(addresses={"aoki@contoso.com": SALES})

        assert conflicts(change(Action.UPDATE), around=around) == [""]

    def test_an_alias_stays_with_whoever_is_renamed(self) -> None:
        moving = rename("b", "c")
        around = Lookups(addresses={"b@contoso.com": Holder(object_id="id-b", name="B", alias=True)})

        assert conflicts(add("b@contoso.com"), around=around, renames=(moving,)) == [
            "b@contoso.com is taken by the user B (id-b): free it there or change it here."
        ]

    def test_an_obstacle_that_is_known_already_stays(self) -> None:
        around = Lookups(addresses={"b@contoso.com": SALES})

        assert conflicts(rename("a", "b", obstacle=BROKEN), around=around) == ["…"]


class TestWhatARestoreBringsBack:
    back = change(Action.RESTORE)

    def test_an_address_from_before_the_deletion_may_be_somebody_elses_by_now(self) -> None:
        around = Lookups(
            addresses={"sales@contoso.com": SALES}, former_addresses={"id-aoki": ["Sales@contoso.com"]}
        )

        assert conflicts(self.back, around=around) == [
            "Sales@contoso.com is taken by the group Sales (g1): free it there or change it here."
        ]

    def test_is_taken_for_whoever_comes_after(self) -> None:
        around = Lookups(former_addresses={"id-aoki": ["Sales@contoso.com"]})

        assert conflicts(self.back, add("sales@contoso.com"), add("aoki@contoso.com"), around=around) == [
            "",
            "sales@contoso.com is taken by the restored user 青木 花子 (id-aoki): free it there or change it here.",
            "aoki@contoso.com is taken by the restored user 青木 花子 (id-aoki): free it there or change it here.",
        ]

    def test_is_free_for_whoever_comes_after_when_the_restore_cannot_be_made(self) -> None:
        around = Lookups(former_addresses={"id-aoki": ["sales@contoso.com"]})
        stuck = change(Action.RESTORE, obstacle=BROKEN)

        assert conflicts(stuck, add("sales@contoso.com"), around=around) == ["…", ""]


class TestImmutableIds:
    def test_one_that_somebody_else_has_is_named_with_its_holder(self) -> None:
        around = Lookups(
            immutable_ids={"K": Holder(object_id="o9", name="old@contoso.com", kind="deleted user")}
        )

        assert conflicts(add(immutable_id="K"), around=around) == [
            "The immutable ID K belongs to the deleted user old@contoso.com (o9) already."
        ]

    def test_nobody_wants_one_whom_the_source_gives_none_even_if_somebody_is_called_none(self) -> None:
        around = Lookups(immutable_ids={"None": Holder(object_id="o9", name="old@contoso.com")})

        assert conflicts(add(), around=around) == [""]


class TestTheBlocked:
    def test_whoever_waits_for_one_who_stays_is_told_who_that_is(self) -> None:
        waiting, stuck = rename("a", "b"), rename("b", "c", obstacle=BROKEN)

        first, second = with_the_blocked([waiting, stuck])

        assert (first.obstacle and (first.obstacle.code, said(first.obstacle.message))) == (
            "AddressTaken",
            "b@contoso.com stays with 青木 花子 (id-b), who can't be renamed either: see why there.",
        )
        assert second.obstacle == BROKEN

    def test_nobody_else_is_held_up(self) -> None:
        renames = [rename("x", "y"), rename("b", "c", obstacle=BROKEN), rename("c", "d")]

        assert [c.obstacle for c in with_the_blocked(renames)] == [None, BROKEN, None]
