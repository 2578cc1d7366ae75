"""What needs a second person where `APPROVALS` is two: one function for each endpoint that may.

Each raises as its endpoint does, so that what can't be done does not wait first.

What only holds people back never waits: a pause, a cancelled run, an undo that restores, a lower limit, a hold.
"""

from collections.abc import Mapping

from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from shared.http.decisions import DecisionsOrder, pairs_of
from shared.http.domains import SettingsChange, domain_to_read, kept_domain
from shared.http.endpoint import Call, Nothing
from shared.http.holds import HoldOrder
from shared.http.leavers import LeaverOrder
from shared.http.problems import Problem
from shared.http.runs import SyncOrder, UndoOrder, released_by
from shared.http.settings import TenantSettingsChange
from shared.model.changes import Action
from shared.model.parts import Parts, say
from shared.model.pending import Asked
from shared.planning.deeds import Deed
from shared.planning.loosening import loosened
from shared.planning.tenant_settings import in_force
from shared.runs.approving import read_released
from shared.runs.deciding import checked
from shared.runs.leaving import read_waiting
from shared.runs.undo_survey import read_intended


async def domain_settings(call: Call[Nothing, SettingsChange]) -> Asked | None:
    stored = await kept_domain(call.services, call.domain)
    before = {name: value for name, value in stored.shown().items() if name not in stored.unreadable}
    return _settings(before, call.body.changes, say("second.domainSettings", domain=call.domain))


async def tenant_settings(call: Call[Nothing, TenantSettingsChange]) -> Asked | None:
    app, stored = call.services.settings.tenant, await call.services.tenant_settings.read()
    before, _ = in_force(app, stored.readable)
    after, _ = in_force(app, stored.readable.model_copy(update=dict(call.body.changes)))
    readable = {name: value for name, value in before if name not in stored.unreadable}
    changes = {name: getattr(after, name) for name in call.body.changes}
    asked = _settings(readable, changes, say("second.tenantSettings"))
    if asked and "notifications" in changes:  # what waits is kept and shown, and their addresses are secrets
        why = say("second.notificationsApart")
        raise Problem(400, "Bad body", why, errors=[("notifications", why)])
    return asked


def _settings(before: Mapping[str, object], after: Mapping[str, object], asks: Parts) -> Asked | None:
    if not loosened(before, after):
        return None
    listed = (
        say("second.setting", setting=to_camel(name), before=_text(before.get(name)), after=_text(value))
        for name, value in sorted(after.items())
        if name not in before or before[name] != value
    )
    return Asked(asks=asks, listed=tuple(listed))


def _text(value: object) -> str:
    return to_json(value, by_alias=True).decode()


async def sync(call: Call[Nothing, SyncOrder]) -> Asked | None:
    approve = call.body.approve
    if approve is None:
        return None
    domain = await domain_to_read(call.services, call.domain)
    released = await read_released(call.services, domain, approve.dry_run_id, released_by(approve))
    deeds = (_released(deed, upn) for deed, upn in sorted(released.deeds.items()))
    count = sum(bool(deed.who) for deed in released.deeds)
    return Asked(
        asks=say("second.sync", domain=domain, dryRun=approve.dry_run_id, count=count),
        listed=(*deeds, *(_pair(*pair, same=same) for pair, same in sorted(released.answers.items()))),
    )


def _released(deed: Deed, upn: str) -> Parts:
    if deed.who:
        return say("second.deed", kind=deed.kind, upn=upn or deed.what, what=deed.what)
    if deed.kind == "shrink":
        return say("second.shrink", users=deed.what)
    return say("second.emptied", attribute=deed.what)


def _pair(source_id: str, object_id: str, *, same: bool) -> Parts:
    if same:
        return say("second.same", user=source_id, objectId=object_id)
    return say("second.apart", user=source_id, objectId=object_id)


async def undo(call: Call[Nothing, UndoOrder]) -> Asked | None:
    """An undo deletes whom the sync restored, and blocks whom it unblocked and, if asked to, whom it added."""
    taken = {Action.RESTORE, Action.UNBLOCK, *((Action.ADD,) if call.body.disable_added else ())}
    if call.body.dry_run:
        return None
    sync = await call.services.runs.get(call.domain, call.run_id)
    intended = await read_intended(call.services, sync.domain, sync.id)
    upns = sorted(change.new_upn for change in intended if change.action in taken)
    if not upns:
        return None
    return Asked(
        asks=say("second.undo", domain=sync.domain, run=sync.id, count=len(upns)),
        listed=tuple(say("second.person", upn=upn) for upn in upns),
    )


async def decisions(call: Call[Nothing, DecisionsOrder]) -> Asked | None:
    pairs = await checked(call.services, call.domain, pairs_of(call.body))
    listed = (_pair(*pair, same=same) for pair, same in sorted(pairs.items()))
    return Asked(asks=say("second.decide", count=len(pairs)), listed=tuple(listed))


async def decision_back(call: Call[Nothing, Nothing]) -> Asked | None:
    standing = await call.services.decisions.read()
    listed = [
        _pair(one.source_id, one.object_id, same=one.same) for one in standing if one.id == call.decision
    ]
    return Asked(asks=say("second.takeBack"), listed=tuple(listed)) if listed else None


async def leaver(call: Call[Nothing, LeaverOrder]) -> Asked | None:
    """A deletion, and a wait that ends earlier than the one before, or of somebody who was kept."""
    until, account = call.body.until, call.object_id
    waiting = await read_waiting(call.services, call.domain)
    if account not in waiting:  # which is answered at once
        return None
    row = waiting[account]
    who = row.upn if row else account
    if call.body.do == "delete":
        return Asked(
            asks=say("second.leaverDelete", domain=call.domain), listed=(say("second.person", upn=who),)
        )
    longer = row and not row.kept and row.due and until and until >= row.due
    if until is None or longer:
        return None
    return Asked(asks=say("second.leaverWait", until=_text(until)), listed=(say("second.person", upn=who),))


async def hold(call: Call[Nothing, HoldOrder]) -> Asked | None:
    """A hold that ends earlier than the one before, or holds less."""
    before = (await call.services.administration.read_decisions()).holds.get(call.object_id)
    shorter = before is not None and call.body.until < before.until
    if not (shorter or (before is not None and (before.scope, call.body.scope) == ("all", "delete"))):
        return None
    listed = say("second.holdAfter", until=_text(call.body.until), scope=call.body.scope)
    return Asked(asks=say("second.hold", objectId=call.object_id), listed=(listed,))


async def no_hold(call: Call[Nothing, Nothing]) -> Asked | None:
    if call.object_id not in (await call.services.administration.read_decisions()).holds:
        return None
    return Asked(asks=say("second.lift", objectId=call.object_id), listed=())
