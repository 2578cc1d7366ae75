"""Who is who: what a run asks a person, and what a person has decided."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.model.parts import Parts
from shared.model.records import Record, Time

Pair = tuple[str, str]
"""Source id and object id."""


class Kind(StrEnum):
    """Why an account may be a source user's.

    `SAME_UPN`: it has their UPN, and was another user's. `ADD_BESIDE_DELETION`: it would be deleted, or was, while
    they are added. `BOTH_NAMES`: it is theirs, but they have another family name and another given name.
    `TWO_ACCOUNTS`: it is one of two that are theirs.
    """

    SAME_UPN = "sameUpn"
    ADD_BESIDE_DELETION = "addBesideDeletion"
    BOTH_NAMES = "bothNames"
    TWO_ACCOUNTS = "twoAccounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A source user and an account that may be theirs. Neither is written to until a person has decided."""

    kind: Kind
    source_id: str
    object_id: str
    speaks_for: Parts = ()
    speaks_against: Parts = ()

    @property
    def pair(self) -> Pair:
        return self.source_id, self.object_id


def pair_id(pair: Pair) -> str:
    """The id of a question about this pair, and of its decision: the same in every run and on every domain."""
    return hashlib.blake2s("\0".join(pair).encode(), digest_size=10).hexdigest()


class Decision(Record):
    """A person's answer. `address` is where they asked from."""

    id: str
    source_id: str
    object_id: str
    same: bool
    by: str
    address: str
    at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What people have decided: `same` is source id → object id, `apart` are pairs of two different people."""

    same: Mapping[str, str] = field(default_factory=dict)
    apart: frozenset[Pair] = frozenset()


NOTHING_DECIDED = Decisions()
