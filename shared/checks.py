"""Whether a sync may go ahead: the limits an administrator set, computed in whole numbers. Pure."""

from shared.model import Action, Plan
from shared.records import DeletionCheck


def check_deletions(plan: Plan, max_allowed_deletions: int) -> DeletionCheck:
    """Max Allowed Deletions: exceeded when deletions > 0 and deletions × 100 ≥ percent × users in scope."""
    deletions = sum(1 for _ in plan.of(Action.DELETE))
    exceeded = deletions > 0 and deletions * 100 >= max_allowed_deletions * plan.target
    return DeletionCheck(
        deletions=deletions,
        target=plan.target,
        percent=_percent(deletions, plan.target, max_allowed_deletions, exceeded),
        max_allowed_deletions=max_allowed_deletions,
        exceeded=exceeded,
    )


def verdict(check: DeletionCheck) -> str:
    """The arithmetic as an administrator reads it: `12 of 97 users = 12.4 % ≥ 10 %`."""
    sign = "≥" if check.exceeded else "<"
    if not check.deletions:
        return "no deletions"
    return f"{check.deletions} of {check.target} users = {check.percent:g} % {sign} {check.max_allowed_deletions} %"


def _percent(part: int, whole: int, limit: int, exceeded: bool) -> float:
    """One digit after the point, or as many as it takes not to contradict the verdict (1,999 of 10,000 at 20 %)."""
    percent = 100.0 if part else 0.0
    for digits in range(1, 16):
        percent = round(part * 100 / whole, digits) if whole else percent
        if (percent >= limit) == exceeded:
            break
    return percent
