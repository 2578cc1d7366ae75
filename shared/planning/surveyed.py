"""The input settings and the result of a domain's survey, as plain data."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from hashlib import sha256
from typing import Any

from shared.model.changes import Plan, Rule
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, Memory, SignIn, SourceUser
from shared.model.questions import NOTHING_DECIDED, Decisions
from shared.planning.doubts import pointers_to_leavers
from shared.planning.limits import Basis
from shared.planning.lookups import Lookups
from shared.planning.mapping import AttributeMap
from shared.planning.matching import match
from shared.planning.names import Names
from shared.planning.plan import decide
from shared.planning.protection import Protection
from shared.planning.upns import UpnFrom


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The settings that a survey needs. `protection` holds only the users protected by settings.

    `sign_in`: None where the setting is not there, and the attribute map may stand in for it. `upn_from`: the field
    that names people, where an administrator has confirmed it. `foreign_domains` are certainly not the tenant's,
    however much they look like one of them.
    """

    attribute_map: AttributeMap
    protection: Protection
    usage_location: str | None = None
    restore_deleted_users: bool = True
    foreign_domains: frozenset[str] = frozenset()
    upn_from: UpnFrom | None = None
    sign_in: SignIn | None = None

    @property
    def sign_in_mode(self) -> SignIn:
        return self.sign_in or self.attribute_map.sign_in or SignIn.LEAVE

    @property
    def map_digest(self) -> str:
        """Of map, sign-in state and scope, the same in every process and version: other ones are to be reviewed."""
        read = self.attribute_map
        said = (
            sorted(zip(read.attributes, read.fields, strict=True)),
            (read.upn_fields, read.immutable_id_fields, read.source_id_fields),
            (read.status_field, read.inverted, self.sign_in_mode.value),
            read.scope.model_dump_json(),
        )
        return sha256(repr(said).encode()).hexdigest()[:16]

    @property
    def warnings(self) -> Parts:
        """What an administrator is told about these settings, one part each."""
        implied = None if self.sign_in else self.attribute_map.sign_in
        return say("warning.signInImplied", mode=implied) if implied else ()

    def digest(self, **of_the_domain: object) -> str:
        """The same for the same settings, in every process. `of_the_domain` are settings of one domain beside these."""
        text = json.dumps([self, of_the_domain], default=_plain, sort_keys=True)
        return sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> object:
    """As `asdict`, which copies everything; sets in order."""
    return (
        {one.name: getattr(value, one.name) for one in fields(value)}
        if is_dataclass(value)
        else sorted(value)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was read, and the plan that follows from it.

    `terms`: the settings under which it was read. `on_tenant`: source users on all domains of the tenant. `emptied`:
    attributes that stop a sync, since nobody in the source has a value any more. `left_out`: source users on the domain
    who are out of scope for the first time. `rules`: source id → what paired the user with their account. `memory`:
    what earlier syncs knew. `reviewed`: an administrator has approved a dry run that told of its doubt. `federated`:
    whether the domain is federated, if that matters to a sync. `corrected`: Graph has said something else than the copy
    of its users. `warnings`: for the administrator, one part for each. `only`: source ids and object ids of the chosen
    people whose plan it is; None for everybody's.
    """

    domain: str
    initial_domain: str
    source: list[SourceUser]
    target: list[EntraUser]
    memory: Memory
    protection: Protection
    plan: Plan
    terms: Terms
    lookups: Lookups = field(default_factory=Lookups)
    decisions: Decisions = NOTHING_DECIDED
    on_tenant: int = 0
    emptied: tuple[str, ...] = ()
    left_out: int = 0
    rules: Mapping[str, Rule] = field(default_factory=dict)
    upn_from: UpnFrom = "userPrincipalName"
    warnings: Parts = ()
    reviewed: bool = False
    only: frozenset[str] | None = None
    federated: bool = False
    corrected: bool = False

    def basis(self, source_before: int | None) -> Basis:
        """What the plan is measured against. `source_before`: source users in the last good run, None if unknown."""
        return Basis(
            source_before=source_before,
            left_out=self.left_out,
            known=self.lookups.known_since,
            everybody=self.on_tenant,
            emptied={one: self.terms.attribute_map.field_of(one) for one in self.emptied},
        )


def planned_again(seen: Survey, source: Sequence[SourceUser], failed: Iterable[str]) -> Plan:
    """The plan that follows from a second read of the source, and from whom Entra has refused to add meanwhile.

    `failed`: their source ids. Whoever it does not delete is left for the next run.
    """
    attribute_map = seen.terms.attribute_map
    matching = match(seen.domain, source, seen.target, seen.memory, Names(attribute_map), seen.decisions)
    lookups = replace(seen.lookups, failed=frozenset(failed))
    pointers = pointers_to_leavers(source, matching, lookups, attribute_map)
    return decide(matching, replace(lookups, pointers=pointers), attribute_map)
