"""Verifying the log: whether a finished run or a change was altered, taken out or put in afterwards."""

import base64
from collections.abc import Callable, Mapping

from pydantic import Field, model_validator

from shared.http.domains import kept_domain
from shared.http.endpoint import Body, Call, Nothing, domain_in
from shared.model.parts import Parts, say
from shared.model.records import Record
from shared.store.chain import MARK, NOTHING, Break, Flaw, LogName, Walk, mark_of
from shared.store.changes import TENANT
from shared.words import said

# Two marks for each row that waits for its turn; with all else a line of HTTP stays under its 8 KB.
_CURSOR = "^[A-Za-z0-9_=-]{0,7000}$"
_SENTENCES: Mapping[Flaw, Callable[[str], Parts]] = {
    "altered": lambda row: say("integrity.altered", row=row),
    "missing": lambda row: say("integrity.missing", row=row),
    "added": lambda row: say("integrity.added", row=row),
    "outOfOrder": lambda row: say("integrity.outOfOrder", row=row),
    "head": lambda row: say("integrity.head", row=row),
    "kept": lambda row: say("integrity.kept", row=row),
}


class IntegrityQuery(Body):
    domain: str | None = Field(
        None, max_length=253, description="Its runs and its changes; left out, the changes of the tenant."
    )
    head: str = Field(
        "",
        pattern=f"^({MARK})?$",
        description="One that was kept elsewhere: its chain must lead through it. Give it with every page.",
    )
    cursor: str = Field("", pattern=_CURSOR)

    @model_validator(mode="after")
    def _of_this_log(self) -> "IntegrityQuery":
        if self.walk and self.walk.partition != (domain_in(self.domain) or TENANT):
            raise ValueError("not a cursor of this log")
        return self

    @property
    def walk(self) -> Walk | None:
        if not self.cursor:
            return None
        return Walk.model_validate_json(base64.b64decode(self.cursor, altchars=b"-_", validate=True))


class IntegrityBreak(Record):
    """`row`: the key of the row in question. `detail`: `parts` in English."""

    flaw: Flaw
    row: str
    detail: str
    parts: Parts


class Integrity(Record):
    """How far a log was verified, newest first: `checked` rows so far, and `unchained` ones from before the chain.

    `whole`: nothing is left to verify, and nothing is broken. `broken`: the first break; what is newer is as it was
    written. `heads` are those of now, to be kept elsewhere.
    """

    domain: str | None
    log: LogName
    whole: bool
    checked: int
    unchained: int
    broken: IntegrityBreak | None
    heads: dict[str, str]
    cursor: str | None


async def get_integrity(call: Call[IntegrityQuery, Nothing]) -> Integrity:
    asked, integrity = call.query, call.services.integrity
    domain = domain_in(asked.domain)
    if domain:
        await kept_domain(call.services, domain)
    page = await integrity.verify(domain, asked.walk, mark_of(asked.head) or NOTHING)
    following = page.following.model_dump_json().encode() if page.following else b""
    cursor = base64.urlsafe_b64encode(following).decode() or None
    return Integrity(
        domain=domain or None,
        log=page.walk.log,
        whole=not page.broken and not cursor,
        checked=page.walk.checked,
        unchained=page.walk.unchained,
        broken=page.broken and _broken(page.broken),
        heads=await integrity.read_heads(domain),
        cursor=cursor,
    )


def _broken(found: Break) -> IntegrityBreak:
    parts = _SENTENCES[found.flaw](found.row)
    return IntegrityBreak(flaw=found.flaw, row=found.row, detail=said(parts), parts=parts)
