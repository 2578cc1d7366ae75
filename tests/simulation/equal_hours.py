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
    since, until = seconds(run["finishedAt"]) + _LAG, seconds(line["read"]["entra"]["asOf"]) - _LAG
    for object_id, every in effects.items():
        between = [one for one in every if since < one.at < until]
        if between:
            first, last = between[0], between[-1]
            before = _shown(first.before, there=first.deed not in ("create", "restore"))
            after = _shown(last.after, there=last.deed != "delete")
            if before != after and any(f"@{line['domain']}" in upn for upn, *_ in (before, after)):
                yield f"{line['domain']} {line['id']} {object_id}: {before} → {after}"


def _shown(account: Json, *, there: bool) -> tuple[str, ...]:
    return tuple(str(account.get(name) or "") if there else "" for name in _COMPARED)
