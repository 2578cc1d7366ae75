"""Renames go out in an order that Entra takes: whoever holds a wanted UPN moves first."""

from shared.model.changes import Change
from shared.planning.renames import in_waves, in_workable_order, temporary_upn
from tests.support.people import DOMAIN, INITIAL_DOMAIN, rename


def ordered(*renames: Change) -> list[str]:
    """`a→b` for each rename, `a→(b)` where it goes through a temporary UPN."""
    return [_shown(change) for change in in_workable_order(renames, INITIAL_DOMAIN)]


def _shown(change: Change) -> str:
    before, after = change.upn.partition("@")[0], change.new_upn.partition("@")[0]
    return f"{before}→({after})" if change.via else f"{before}→{after}"


def waves(*renames: Change) -> list[list[str]]:
    return [[_shown(c) for c in wave] for wave in in_waves(in_workable_order(renames, INITIAL_DOMAIN))]


def test_renames_that_have_nothing_to_do_with_each_other_keep_their_order() -> None:
    assert ordered(rename("b", "x"), rename("a", "y")) == ["b→x", "a→y"]


def test_the_far_end_of_a_chain_goes_first() -> None:
    assert ordered(rename("a", "b"), rename("b", "c"), rename("c", "d")) == ["c→d", "b→c", "a→b"]


def test_a_chain_is_found_whatever_order_it_comes_in() -> None:
    assert ordered(rename("b", "c"), rename("a", "b")) == ["b→c", "a→b"]


def test_case_does_not_hide_a_chain() -> None:
    assert ordered(rename("a", "B"), rename("b", "c")) == ["b→c", "a→B"]


def test_one_of_a_swap_steps_aside_and_comes_last() -> None:
    assert ordered(rename("a", "b"), rename("b", "a")) == ["b→a", "a→(b)"]


def test_who_steps_aside_goes_by_a_temporary_upn() -> None:
    _, aside = in_workable_order([rename("a", "b"), rename("b", "a")], INITIAL_DOMAIN)

    assert aside.via == f"sync-id-a@{INITIAL_DOMAIN}"


def test_one_of_a_longer_circle_steps_aside_and_comes_last() -> None:
    assert ordered(rename("a", "b"), rename("b", "c"), rename("c", "a")) == ["c→a", "b→c", "a→(b)"]


def test_two_circles_each_have_one_who_steps_aside() -> None:
    circles = ordered(rename("a", "b"), rename("b", "a"), rename("c", "d"), rename("d", "c"))

    assert circles == ["b→a", "a→(b)", "d→c", "c→(d)"]


def test_a_temporary_upn_is_on_the_onmicrosoft_com_domain_and_fits_entra() -> None:
    change = rename("a", "b")

    upn = temporary_upn(change, INITIAL_DOMAIN)

    assert upn == f"sync-{change.object_id}@{INITIAL_DOMAIN}"
    assert not upn.endswith(f"@{DOMAIN}")


def test_independent_renames_go_out_together() -> None:
    assert waves(rename("a", "x"), rename("b", "y")) == [["a→x", "b→y"]]


def test_each_link_of_a_chain_waits_for_the_one_that_frees_its_upn() -> None:
    assert waves(rename("a", "b"), rename("b", "c"), rename("x", "y")) == [["b→c", "x→y"], ["a→b"]]


def test_a_swap_takes_two_waves_after_the_step_aside() -> None:
    assert waves(rename("a", "b"), rename("b", "a")) == [["b→a"], ["a→(b)"]]


def test_no_renames_are_no_waves() -> None:
    assert in_waves([]) == []
