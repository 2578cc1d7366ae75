"""What is to be done about one leaver now: block, wait, keep or delete. Pure.

One function decides, from the leaver's row, the account as it is, the domain's setting and two clocks. What it does not
understand waits.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.model.changes import Action, Change
from shared.model.leavers import AT_ONCE, Kept, Leaver, LeaverTerms, counts_again, deleted, read, written
from shared.model.parts import Parts, say
from shared.model.people import EntraUser
from shared.planning.mapping import ENABLED

# Hourly runs begin some minutes apart from their hour.
SEEN_AGAIN_AFTER = timedelta(minutes=55)


class Do(StrEnum):
    BLOCK = "block"
    WAIT = "wait"
    KEEP = "keep"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Now:
    """The time by the app's clock and by Graph's answers; the latter is None where none told it."""

    ours: datetime
    graphs: datetime | None = None

    @property
    def latest(self) -> datetime:
        return max(self.ours, self.graphs or self.ours)

    def is_past(self, moment: datetime) -> bool:
        """By both clocks: one that runs ahead must not end a wait."""
        return self.graphs is not None and min(self.ours, self.graphs) > moment


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done, why, and the leaver's row as it is then; None for a row that can't be read, and stays."""

    do: Do
    row: Leaver | None
    reason: Parts


def next_step(row: Leaver, enabled: bool, terms: LeaverTerms, now: Now, *, ordered: bool = False) -> Step:
    """`enabled`: the account as it is now. `ordered`: a person wants them deleted now."""
    row = _seen(_lengthened(_anew(row, now), terms), enabled, terms, now)
    if ordered:
        return Step(Do.DELETE, row, say("leaver.deleteNow"))
    if row.stands and row.enabled and not row.kept and now.is_past(row.enabled + SEEN_AGAIN_AFTER):
        row = row.model_copy(update={"kept": "enabled"})
    # Who is kept by a decision stays blocked: they are blocked first, if they were not yet.
    if row.kept and not (row.kept == "decided" and terms.block and enabled and not row.stands):
        return Step(Do.KEEP, row, reason_kept(row))
    if row.stands and enabled:
        return Step(Do.WAIT, row, say("leaver.enabledAgain"))
    if terms.block and enabled:
        return Step(Do.BLOCK, row, say("leaver.block") + _until(row))
    if row.due is None or not now.is_past(row.due):
        return Step(Do.WAIT, row, say("leaver.waits", since=_day(row.since)) + _until(row))
    return Step(Do.DELETE, row, say("leaver.waited", since=_day(row.since)))


_KEPT: Mapping[Kept, Parts] = {
    "enabled": say("leaver.keptEnabled"),
    "undone": say("leaver.keptUndone"),
    "decided": say("leaver.keptDecided"),
}


def reason_kept(row: Leaver | None) -> Parts:
    """Why a leaver is kept; empty for one who is not."""
    if row is None:
        return say("leaver.rowUnreadable")
    if row.kept is None:
        return ()
    return _KEPT[row.kept]


def _anew(row: Leaver, now: Now) -> Leaver:
    """Who may have been somebody of the source until now waits as long as if they had left now."""
    if not row.asked:
        return row
    until = row.until if row.until and not now.is_past(row.until) else None
    return row.model_copy(update={"asked": False, "since": now.latest, "until": until})


def _lengthened(row: Leaver, terms: LeaverTerms) -> Leaver:
    """A longer wait holds at once, also for those for whom a person has decided on a date; a shorter one does not."""
    wanted = terms.delete_after_days
    if row.days is None or (wanted is not None and wanted <= row.days):
        return row
    by_days = row.model_copy(update={"days": wanted, "until": None})
    until = max(row.until, by_days.due) if row.until and by_days.due else None
    return by_days.model_copy(update={"until": until})


def _seen(row: Leaver, enabled: bool, terms: LeaverTerms, now: Now) -> Leaver:
    if enabled:
        if row.stands is None:
            return row
        # Another has turned it on: if it is off again, that is theirs.
        return row.model_copy(update={"enabled": row.enabled or now.latest, "ours": False})
    stands = row.stands or (now.latest if terms.block or row.ours else None)
    return row.model_copy(update={"stands": stands, "enabled": None})


def _until(row: Leaver) -> Parts:
    return say("leaver.dueOn", date=_day(row.due)) if row.due else say("leaver.neverDue")


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def leaver_after(
    rows: Mapping[str, str], change: Change, account: str, now: datetime, *, undone: bool
) -> dict[str, str]:
    """Object id → the row of this account once the change was made; empty if it says nothing of that.

    `undone`: it was made by an undo, and not since the source has them again.
    """
    row = read(rows.get(account, ""))
    if change.action is Action.RESTORE and change.after(ENABLED):
        # Turned on with the restore: if it is off again, that is somebody else's.
        return {account: ""}
    if row is None or row.ended:
        return {}
    if change.action is Action.DELETE:
        after = deleted(row, now)
    elif change.stage:
        blocked = {"blocked": now, "ours": True, "stands": None, "enabled": None, "signed_out": False}
        after = row.model_copy(update=blocked)
    elif change.action is Action.UNBLOCK:
        after = row.model_copy(update={"kept": "undone", "ours": False}) if undone else None
    else:
        return {}
    return {account: written(after)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """What a run knows of the leavers of its domain.

    `rows`: object id → row, None for one that can't be read. `ordered`: object ids of those whom a person wants deleted
    now. `elsewhere`: rows of this domain whose account it does not list: object id → the account, None for one who is
    gone.
    """

    domain: str = ""
    terms: LeaverTerms = AT_ONCE
    now: Now = Now(datetime.min.replace(tzinfo=UTC))
    rows: Mapping[str, Leaver | None] = field(default_factory=dict)
    ordered: Collection[str] = ()
    elsewhere: Mapping[str, EntraUser | None] = field(default_factory=dict)

    def waits(self, account: str) -> bool:
        """Whether a wait has begun in an earlier run, or may have."""
        row = self.rows.get(account)
        return row.waits if row else account in self.rows

    def step(self, account: EntraUser, source_id: str, *, approved: bool) -> Step | None:
        """None where leavers are deleted at once, and this one has not begun to wait."""
        row = self.rows.get(account.object_id)
        if row is None and account.object_id in self.rows and account.object_id not in self.ordered:
            return Step(Do.KEEP, None, reason_kept(None))
        if row is None or not row.waits:
            if self.terms == AT_ONCE:
                return None
            row = self._begun(account, source_id, ours=bool(row and row.ours), approved=approved)
        here = {"domain": self.domain, "upn": account.upn, "display_name": account.display_name}
        row = row.model_copy(update={**here, "block": self.terms.block})
        ordered = account.object_id in self.ordered
        return next_step(row, account.enabled, self.terms, self.now, ordered=ordered)

    def _begun(self, account: EntraUser, source_id: str, *, ours: bool, approved: bool) -> Leaver:
        return Leaver(
            domain=self.domain,
            upn=account.upn,
            display_name=account.display_name,
            source_id=source_id,
            since=self.now.latest,
            days=self.terms.delete_after_days,
            ours=ours and not account.enabled,
            approved=approved,
        )

    def returned(self, account: EntraUser) -> Leaver | None:
        """The row of somebody whom the source has again; None if it ends with that."""
        row = self.rows.get(account.object_id)
        if row and self.is_ours(account):
            return row.model_copy(update={"back": True, "ended": False})
        return row.model_copy(update={"ours": False}) if row and row.ended else None

    def is_ours(self, account: EntraUser) -> bool:
        """Whether a run has turned the account off since its person had left, and nobody has turned it on again."""
        row = self.rows.get(account.object_id)
        return row is not None and row.ours and not account.enabled

    def told_of(self, account: str) -> Parts:
        """What somebody is told who needs what this account has; empty if nobody waits."""
        row = self.rows.get(account)
        if row is None or not row.waits:
            return ()
        if row.kept or row.due is None:
            return say("add.leaverKept", upn=row.upn)
        return say("add.leaverWaits", upn=row.upn, date=_day(row.due))

    def changed(
        self, decided: Mapping[str, Leaver | None], paired: Iterable[EntraUser], asked: Iterable[str] = ()
    ) -> dict[str, Leaver | None]:
        """The rows that are to change: as it was `decided`, of accounts that are the source's again, or that moved.

        `asked`: object ids of those who may be somebody in the source.
        """
        if not self.rows:
            return dict(decided)
        found = {
            **{
                account.object_id: self.returned(account)
                for account in paired
                if account.object_id in self.rows
            },
            **self._moved(),
            **decided,
            **{
                account: row.model_copy(update={"asked": True})
                for account in asked
                if (row := self.rows.get(account)) and row.waits
            },
        }
        return {account: row for account, row in found.items() if row != self.rows.get(account)}

    def _moved(self) -> dict[str, Leaver | None]:
        found: dict[str, Leaver | None] = {}
        for object_id, account in self.elsewhere.items():
            row = self.rows.get(object_id)
            if account is None:
                found[object_id] = deleted(row, self.now.latest)
            elif row and not row.ended and (domain := account.upn.rpartition("@")[2].lower()) != self.domain:
                found[object_id] = row.model_copy(update={"domain": domain, "upn": account.upn})
        return found

    @property
    def recent(self) -> frozenset[str]:
        """The object ids of those whose block counts again in a run that would block others."""
        return frozenset(
            object_id
            for object_id, row in self.rows.items()
            if row and row.domain == self.domain and counts_again(row, self.now.ours)
        )
