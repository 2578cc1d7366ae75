"""A domain of the tenant and what an administrator sets for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.errors import DomainNotFound, SettingsUnreadable
from shared.model.bad_value import BadValue
from shared.model.leavers import AT_ONCE, LeaverTerms
from shared.model.pause import Pausable
from shared.model.records import Percent, Record, Time
from shared.model.runs import Run

DEFAULT_MAX_ALLOWED_DELETIONS = 20


class Limit(Record):
    """At most `count` people, or fewer than `percent` of the users in scope; with both, either is enough."""

    count: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    percent: Percent | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.count is None and self.percent is None:
            raise BadValue("limit.neither")
        return self


_MANY = Limit(percent=20, count=5)


# As a literal, so that a bad value is told once; 1 is none, although it equals True.
Periodic = Annotated[
    Literal[False, True, "watch"],
    BeforeValidator(lambda value: value if isinstance(value, bool | str) else None),
]


class DomainSettings(Pausable):
    """What an administrator sets for one domain; `docs/configuration.md` is made from these descriptions."""

    periodic_sync: Periodic = Field(
        default=False,
        description="Whether the timer starts a sync of this domain; "
        '`"watch"`: a dry run, which writes nothing in Entra.',
    )
    max_allowed_deletions: Percent = Field(
        default=DEFAULT_MAX_ALLOWED_DELETIONS,
        description="A sync is cancelled whole when it would delete this percentage of the users in scope, or more.",
    )
    max_adds: Limit | None = Field(
        default=None,
        description="The same for adds and restores, as a percentage, a count, or both, which must both be passed; "
        "`null`: no limit.",
    )
    max_updates: Limit | None = Field(default=None, description="The same for updates.")
    max_renames: Limit | None = Field(
        default=_MANY,
        description="The same for renames; those who join from another domain are counted apart, against everybody "
        "whom the source has on the tenant's domains.",
    )
    max_cleared: Limit | None = Field(
        default=_MANY,
        description="The same for accounts that would lose their value of an attribute, counted for each attribute.",
    )
    max_blocks: Limit | None = Field(
        default=_MANY, description="The same for accounts that would be disabled."
    )
    leavers: LeaverTerms = Field(
        default=AT_ONCE,
        description="What becomes of people whom the source no longer has. `block`: they are blocked and signed out "
        "first. `deleteAfterDays`: then they wait so long for their deletion; `null`: they are never deleted. "
        "A shorter wait is for new leavers, a longer one also for those who wait.",
    )
    unlinked: Literal["delete", "ask"] = Field(
        default="delete",
        description="What becomes of an account that nobody in the source has and that no sync ever knew: `delete` as "
        "any other, `ask` only once a dry run that lists it is approved with its `objectIds`.",
    )
    max_source_shrink: Percent | None = Field(
        default=None,
        description="A sync is cancelled when the source has lost more than this percentage of its users on the "
        "domain since the last good sync; `null`: no limit.",
    )


S = TypeVar("S", bound=Record)


@dataclass(frozen=True, slots=True)
class StoredSettings(Generic[S]):
    """Settings of a `kind` as they are stored: `given` are values by Python name, `unreadable` only names.

    A setting that can't be read (damaged, or written by a newer version) has no value: a default in its place could
    permit what an administrator forbade.
    """

    kind: type[S]
    given: Mapping[str, object]
    unreadable: tuple[str, ...]
    etag: str

    def complete(self) -> S:
        """All settings. Raises SettingsUnreadable if one of them can't be read."""
        if self.unreadable:
            raise SettingsUnreadable("settings.unreadable", settings=tuple(map(to_camel, self.unreadable)))
        return self.readable

    @property
    def readable(self) -> S:
        """With defaults for the unreadable ones: only for callers that leave those out."""
        return self.kind.model_validate(dict(self.given))

    def told(self) -> dict[str, object]:
        """The settings as a record of a change shows them; of those that can't be read, the names."""
        readable = self.readable.model_dump(mode="json", by_alias=True, exclude=set(self.unreadable))
        return readable | ({"unreadable": list(map(to_camel, self.unreadable))} if self.unreadable else {})

    def shown(self) -> dict[str, object]:
        """Every setting by its Python name, None where it can't be read."""
        return dict(self.readable) | dict.fromkeys(self.unreadable)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDomain:
    """A domain of the tenant, or one that the tenant no longer has (`removed`)."""

    name: str
    authentication_type: str
    default: bool = False
    initial: bool = False
    verified: bool = True
    removed: bool = False

    @property
    def federated(self) -> bool:
        return self.authentication_type == "Federated"


class Tenant(Record):
    """The tenant of the app, as administrators know it."""

    id: str
    display_name: str


def domain_named(name: str, tenant: Sequence[TenantDomain]) -> TenantDomain:
    """Raises DomainNotFound if the tenant has no such verified domain."""
    for domain in tenant:
        if domain.name == name and domain.verified:
            return domain
    raise DomainNotFound("domain.notVerified", domain=name)


def initial_domain(tenant: Sequence[TenantDomain], otherwise: TenantDomain) -> str:
    """The name of the tenant's initial domain; that of `otherwise` if none is marked as such."""
    return next((domain.name for domain in tenant if domain.initial), otherwise.name)


def with_removed(before: Sequence[TenantDomain], now: Sequence[TenantDomain]) -> list[TenantDomain]:
    """The domains that the tenant has now, and those it no longer has (marked `removed`); sorted by name."""
    names = {domain.name for domain in now}
    gone = [replace(domain, removed=True) for domain in before if domain.name not in names]
    return sorted((*now, *gone), key=lambda domain: domain.name)


class Domain(Record):
    """A verified domain of the tenant with its settings and runs.

    `ownScript` is an international name as people read it. `isDefault`: Entra gives it to new users unless told
    otherwise. `removed`: the tenant no longer has it. `as_of` is when that was last asked; both it and the
    authentication type are null while Graph has never answered. `unreadable` names settings whose stored value
    can't be read; they are null, and no sync runs, until they are set again. `waitingForReview`: the attribute map,
    the sign-in state or the scope has changed since the last good sync, so the timer starts none until a person
    has, after a dry run; never of a watched domain. `lastWatch`: the last dry run that the timer made of a watched
    domain. `pausedUntil`, `pauseReason`: of the pause in force, the domain's own or the tenant's; null without one.
    """

    name: str
    authentication_type: str | None
    own_script: str
    is_default: bool
    removed: bool
    as_of: Time | None
    periodic_sync: Periodic | None
    next_run_at: Time | None
    max_allowed_deletions: int | None
    max_adds: Limit | None
    max_updates: Limit | None
    max_renames: Limit | None
    max_cleared: Limit | None
    max_blocks: Limit | None
    leavers: LeaverTerms | None
    unlinked: Literal["delete", "ask"] | None
    max_source_shrink: int | None
    active_run: Run | None
    last_dry_run: Run | None
    last_sync: Run | None
    last_watch: Run | None = None
    waiting_for_review: bool = False
    paused_until: Time | None = None
    pause_reason: str | None = None
    unreadable: tuple[str, ...] = ()
