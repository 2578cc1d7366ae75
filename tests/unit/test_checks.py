"""Max Allowed Deletions, in whole numbers: `deletions × 100 ≥ percent × users in scope` cancels a sync."""

import pytest

from shared.checks import check_deletions, verdict
from shared.model import Action, Plan
from tests.people import change


def plan(deletions: int, target: int) -> Plan:
    deletes = (change(Action.DELETE, f"u{number}@contoso.com") for number in range(deletions))
    return Plan((*deletes, change(Action.UPDATE)), source=target, target=target, unchanged=0)


@pytest.mark.parametrize(
    ("deletions", "target", "limit", "exceeded"),
    [
        (65, 100, 65, True),
        (64, 100, 65, False),
        (1999, 10_000, 20, False),
        (2000, 10_000, 20, True),
        (0, 100, 0, False),
        (1, 100, 0, True),
        (99, 100, 100, False),
        (100, 100, 100, True),
        (0, 1, 20, False),
        (1, 1, 20, True),
        (1, 1, 100, True),
        (0, 0, 0, False),
    ],
)
def test_the_limit_is_exceeded_from_exactly_its_percentage_on(
    deletions: int, target: int, limit: int, exceeded: bool
) -> None:
    assert check_deletions(plan(deletions, target), limit).exceeded is exceeded


def test_only_deletions_count() -> None:
    check = check_deletions(plan(3, 10), 50)

    assert (check.deletions, check.target, check.max_allowed_deletions) == (3, 10, 50)


@pytest.mark.parametrize(
    ("deletions", "target", "limit", "shown"),
    [
        (12, 97, 10, "12 of 97 users = 12.4 % ≥ 10 %"),
        (64, 100, 65, "64 of 100 users = 64 % < 65 %"),
        (1, 1, 100, "1 of 1 users = 100 % ≥ 100 %"),
        (0, 97, 10, "no deletions"),
    ],
)
def test_the_verdict_shows_its_arithmetic(deletions: int, target: int, limit: int, shown: str) -> None:
    assert verdict(check_deletions(plan(deletions, target), limit)) == shown


@pytest.mark.parametrize(
    ("deletions", "target", "limit", "shown"),
    [(1999, 10_000, 20, "= 19.99 % < 20 %"), (3815, 20_079, 19, "= 18.99995 % < 19 %")],
)
def test_the_percentage_has_as_many_digits_as_it_takes_not_to_contradict_the_verdict(
    deletions: int, target: int, limit: int, shown: str
) -> None:
    assert verdict(check_deletions(plan(deletions, target), limit)).endswith(shown)
