"""Who wants what somebody else has is told before the sync, and by whom it is held."""

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import verbatim
from shared.planning.conflicts import with_known_conflicts, with_the_blocked
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.planning.protection import Protection
from shared.planning.renames import in_workable_order
from shared.words import said
from tests.support.people import INITIAL_DOMAIN, add, change, rename

SALES = Holder(object_id="g1", name="Sales", kind="group")
FREE_IT = ": free it there, as a UPN and as an alias, or change it here."
KEPT = (
    "b@contoso.com stays an alias of 青木 花子 (id-b), whom this sync renames: Exchange keeps the old UPN of a "
    "mailbox. "
    "Then remove it from their aliases in Exchange; the next sync gives it."
)
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

        assert conflicts(add("b@contoso.com"), around=around, renames=(moving,)) == [KEPT]

    def test_a_mailbox_keeps_the_upn_also_where_nobody_asked_who_has_it(self) -> None:
        around = Lookups(protection=Protection(mailboxes={"id-b": "user"}))

        assert conflicts(add("b@contoso.com"), around=around, renames=(rename("b", "c"),)) == [KEPT]

    def test_without_a_mailbox_it_is_free(self) -> None:
        around = Lookups(protection=Protection(mailboxes={"id-b": "none"}))

        assert conflicts(add("b@contoso.com"), around=around, renames=(rename("b", "c"),)) == [""]

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
            "Sales@contoso.com is taken by the group Sales (g1)" + FREE_IT
        ]

    def test_is_taken_for_whoever_comes_after(self) -> None:
        around = Lookups(former_addresses={"id-aoki": ["Sales@contoso.com"]})

        assert conflicts(self.back, add("sales@contoso.com"), add("aoki@contoso.com"), around=around) == [
            "",
            "sales@contoso.com is taken by the restored user 青木 花子 (id-aoki)" + FREE_IT,
            "aoki@contoso.com is taken by the restored user 青木 花子 (id-aoki)" + FREE_IT,
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


def told(*renames: Change, mailboxes: str = "") -> dict[str, str]:
    """What stands in the way of each rename, by the local part of its UPN; those of `mailboxes` have one."""
    purposes = {f"id-{name}": "user" for name in mailboxes}
    around = Lookups(protection=Protection(mailboxes=purposes))
    ordered = in_workable_order(renames, INITIAL_DOMAIN)
    return {
        c.upn.partition("@")[0]: said(c.obstacle.message) if c.obstacle else ""
        for c in with_the_blocked(ordered, around)
    }


def stays(name: str) -> str:
    return f"{name}@contoso.com stays with 青木 花子 (id-{name}), who can't be renamed either: see why there."


class TestTheBlocked:
    def test_whoever_waits_for_one_who_stays_is_told_who_that_is(self) -> None:
        assert told(rename("a", "b"), rename("b", "c", obstacle=BROKEN)) == {"a": stays("b"), "b": "…"}

    def test_nobody_else_is_held_up(self) -> None:
        renames = (rename("x", "y"), rename("b", "c", obstacle=BROKEN), rename("c", "d"))

        assert told(*renames) == {"x": "", "b": "…", "c": ""}

    def test_in_a_chain_whoever_wants_the_upn_of_a_mailbox_waits_for_an_administrator(self) -> None:
        chain = (rename("a", "b"), rename("b", "c"), rename("c", "d"), rename("z", "a"))

        assert told(*chain, mailboxes="b") == {"a": KEPT, "b": "", "c": "", "z": stays("a")}

    def test_in_a_circle_with_a_mailbox_nobody_is_moved(self) -> None:
        circle = (rename("a", "b"), rename("b", "c"), rename("c", "a"))

        assert told(*circle, mailboxes="b") == {
            "c": "a@contoso.com and b@contoso.com and c@contoso.com would change hands in a circle, and Exchange "
            "keeps the old UPN of a mailbox as an alias. Give 青木 花子 (id-b) another UPN by hand, then remove "
            "b@contoso.com "
            "from their aliases in Exchange; the next sync goes on.",
            "b": stays("c"),
            "a": stays("b"),
        }

    def test_in_a_circle_that_is_broken_otherwise_the_reason_is_there(self) -> None:
        circle = (rename("a", "b"), rename("b", "c", obstacle=BROKEN), rename("c", "a"))

        assert told(*circle, mailboxes="abc") == {"c": stays("a"), "b": "…", "a": stays("b")}

    def test_a_circle_without_a_mailbox_is_gone_through(self) -> None:
        assert told(rename("a", "b"), rename("b", "a")) == {"a": "", "b": ""}
