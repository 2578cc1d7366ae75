"""Which changes of settings loosen: after them a sync may do more to people than before. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.model.domains import Limit
from shared.model.leavers import LeaverTerms

Looser = Callable[[Any, Any], bool]


def _limit_raised(before: Limit | None, after: Limit | None) -> bool:
    if before is None or after is None:
        return after is None
    return _more(before.count, after.count) or _more(before.percent, after.percent)


def _more(before: int | None, after: int | None) -> bool:
    """Of a limit that has neither, the other one decides alone."""
    return after is not None and (before is None or after > before)


def _share_raised(before: int | None, after: int | None) -> bool:
    return after is None or (before is not None and after > before)


def _sooner(before: LeaverTerms, after: LeaverTerms) -> bool:
    """No block before the deletion, or a shorter wait."""
    days = before.delete_after_days
    wanted = after.delete_after_days
    return (before.block and not after.block) or (wanted is not None and (days is None or wanted < days))


def _changed(_before: object, _after: object) -> bool:
    return True


_LOOSER: Mapping[str, Looser] = {
    "max_allowed_deletions": _share_raised,
    **dict.fromkeys(("max_adds", "max_updates", "max_renames", "max_cleared", "max_blocks"), _limit_raised),
    "max_source_shrink": _share_raised,
    "leavers": _sooner,
    "unlinked": lambda _, after: after == "delete",
    "protected_users": lambda before, after: not set(before or ()) <= set(after or ()),
    "foreign_domains": lambda before, after: not set(after or ()) <= set(before or ()),
    **dict.fromkeys(("attribute_map", "scope", "sign_in", "upn_from"), _changed),
}


def loosened(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    """The settings, by Python name, of which the value in `after` lets a sync do more than the one in `before`.

    A changed map, scope, sign-in state or UPN field may do so to anybody. What is not in `before` could not be read,
    and counts as looser.
    """
    return tuple(
        name
        for name, looser in _LOOSER.items()
        if name in after
        and (name not in before or (before[name] != after[name] and looser(before[name], after[name])))
    )
