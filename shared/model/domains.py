"""A domain of the tenant and what an administrator sets for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from shared.errors import DomainNotFound
from shared.model.records import Percent, Record, Time
from shared.model.runs import Run

DEFAULT_MAX_ALLOWED_DELETIONS = 20


@dataclass(frozen=True, slots=True)
class TenantDomain:
    """A verified domain; the `initial` one is the tenant's onmicrosoft.com domain."""

    name: str
    authentication_type: str
    initial: bool

    @property
    def federated(self) -> bool:
        return self.authentication_type == "Federated"


def domain_named(name: str, tenant: Sequence[TenantDomain]) -> TenantDomain:
    """DomainNotFound if the tenant has no such verified domain."""
    for domain in tenant:
        if domain.name == name:
            return domain
    raise DomainNotFound(f"{name} is not a verified domain of the tenant.")


def initial_domain(tenant: Sequence[TenantDomain], otherwise: TenantDomain) -> str:
    """The name of the tenant's initial domain."""
    return next((domain.name for domain in tenant if domain.initial), otherwise.name)


class Limit(Record):
    """A limit that is off by default: at most `count` people, or fewer than `percent` of the users in scope."""

    count: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    percent: Percent | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.count is None) == (self.percent is None):
            raise ValueError("takes either count or percent")
        return self


class DomainSettings(Record):
    """What an administrator sets for one domain; `docs/configuration.md` is made from these descriptions."""

    periodic_sync: StrictBool = Field(
        default=False, description="Whether the timer starts a sync of this domain."
    )
    max_allowed_deletions: Percent = Field(
        default=DEFAULT_MAX_ALLOWED_DELETIONS,
        description="A sync is cancelled whole when it would delete this percentage of the users in scope, or more.",
    )
    max_adds: Limit | None = Field(
        default=None,
        description="The same for adds and restores, as a count or a percentage; unset: no limit.",
    )
    max_updates: Limit | None = Field(default=None, description="The same for updates.")
    max_renames: Limit | None = Field(default=None, description="The same for renames.")
    max_source_shrink: Percent | None = Field(
        default=None,
        description="A sync is cancelled when the source has lost more than this percentage of its users on the "
        "domain since the last good sync; unset: no limit.",
    )


class Domain(Record):
    """A verified domain of the tenant with its settings and runs."""

    name: str
    authentication_type: str
    periodic_sync: bool
    next_run_at: Time | None
    max_allowed_deletions: int
    max_adds: Limit | None
    max_updates: Limit | None
    max_renames: Limit | None
    max_source_shrink: int | None
    active_run: Run | None
    last_dry_run: Run | None
    last_sync: Run | None
