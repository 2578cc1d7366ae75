"""Judges lines of hours in which no run was needed: nobody has changed an account of the domain by hand meanwhile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local.entra.errors import Json
from tests.simulation.clock import seconds
from tests.simulation.graph import Effect
from tests.simulation.scenario import Rule

_COMPARED = (
    "userPrincipalName", "displayName", "surname", "givenName", "mailNickname", "onPremisesImmutableId",
    "accountEnabled",
)  # fmt: skip
# Clocks differ, and lists of Graph lag.
_LAG = 120.0
_NOT_TOLD = ("lateChange", "missedChange", "outOfOrder")


def tells_late(rules: Iterable[Rule]) -> bool:
    """Whether Graph leaves out changes, which are found within a day."""
    return any(one.rule["kind"] in _NOT_TOLD for one in rules)


def overlooked(
    line: Mapping[str, Any], run: Mapping[str, Any], effects: Mapping[str, Sequence[Effect]]
) -> Iterator[str]:
    """Accounts of the domain that are otherwise than when the run ended to which the line refers.

    `effects`: object id → everything that was done to it, also by hand, in order.
    """
    ended, read = seconds(run["finishedAt"]), seconds(line["read"]["entra"]["asOf"])
    for object_id, every in effects.items():
        if every[-1].at < ended:
            continue
        before = _shown_within(every, ended, ended + _LAG)
        after = _shown_within(every, read - _LAG, read + _LAG)
        on_the_domain = any(f"@{line['domain']}" in upn for upn, *_ in (*before, *after))
        if on_the_domain and not set(before) & set(after):
            yield f"{line['domain']} {line['id']} {object_id}: {before[-1]} → {after[-1]}"


def _shown_within(every: Sequence[Effect], since: float, until: float) -> list[tuple[str, ...]]:
    """As what the account may have been seen in this time, one after the other."""
    shown = [_shown(every[0].before, there=every[0].deed not in ("create", "restore"))]
    for one in every:
        if one.at < until:
            shown = [*(shown if one.at > since else ()), _shown(one.after, there=one.deed != "delete")]
    return shown


def _shown(account: Json, *, there: bool) -> tuple[str, ...]:
    return tuple(str(account.get(name) or "") if there else "" for name in _COMPARED)
