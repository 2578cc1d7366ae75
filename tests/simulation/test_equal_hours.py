"""Hours that are called unchanged: what may have been seen of an account at both times, and what can't."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from local.entra.errors import Json
from tests.simulation.clock import BEGINNING
from tests.simulation.equal_hours import overlooked
from tests.simulation.graph import Deed, Effect

_ACCOUNT: Json = {"userPrincipalName": "a@contoso.com", "displayName": "A"}
_RENAMED: Json = {**_ACCOUNT, "displayName": "B"}
_ENDED, _READ = 4 * 3600.0, 5 * 3600.0


def _moment(seconds: float) -> str:
    return (BEGINNING + timedelta(seconds=seconds)).isoformat()


def _by_hand(at: float, deed: Deed, before: Json, after: Json) -> Effect:
    return Effect(at, at, deed, "1", before, after, None)


@pytest.mark.parametrize(
    ("every", "overlooks"),
    [
        ([_by_hand(_READ - 600, "delete", _ACCOUNT, {})], True),
        ([_by_hand(_READ - 600, "update", _ACCOUNT, _RENAMED)], True),
        # It may have been there again when the hour looked.
        (
            [
                _by_hand(_READ - 600, "delete", _ACCOUNT, {}),
                _by_hand(_READ - 10, "restore", {}, _ACCOUNT),
            ],
            False,
        ),
        (
            [_by_hand(_READ - 600, "delete", _ACCOUNT, {}), _by_hand(_READ + 600, "restore", {}, _ACCOUNT)],
            True,
        ),
        # The run may have ended before or after it, and the hour have looked before or after it.
        ([_by_hand(_ENDED + 10, "update", _ACCOUNT, _RENAMED)], False),
        ([_by_hand(_READ - 10, "update", _ACCOUNT, _RENAMED)], False),
        ([_by_hand(_ENDED - 600, "update", _ACCOUNT, _RENAMED)], False),
    ],
)
def test_an_hour_is_unchanged_if_an_account_may_have_been_seen_alike(
    every: Sequence[Effect], overlooks: bool
) -> None:
    line = {"domain": "contoso.com", "id": "line", "read": {"entra": {"asOf": _moment(_READ)}}}
    assert bool(list(overlooked(line, {"finishedAt": _moment(_ENDED)}, {"1": every}))) is overlooks
