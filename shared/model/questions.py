"""Who is who: what a run asks a person, and what a person has decided."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.model.holds import Hold
from shared.model.parts import Parts
from shared.model.records import Record, Time

SAME_LAPSES_AFTER = timedelta(days=30)
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


def pair_id(source_id: str, object_id: str) -> str:
    """The id of a question about this pair, and of its decision: the same in every run and on every domain."""
    return hashlib.blake2s(f"{source_id}\0{object_id}".encode(), digest_size=10).hexdigest()


class Question(Record):
    """A source user and an account that may be theirs. Neither is written to until a person has decided.

    `upn` and `display_name` are the account's, `domains` those of both. `alike`: nothing known of both sides differs,
    so that it may be answered together with others of its kind. `since`: when a run first asked.
    """

    id: str
    kind: Kind
    source_id: str
    object_id: str
    user_principal_name: str
    display_name: str
    domains: tuple[str, ...] = ()
    speaks_for: Parts = ()
    speaks_against: Parts = ()
    alike: bool = False
    since: Time | None = None

    @property
    def pair(self) -> Pair:
        return self.source_id, self.object_id


class OpenQuestions(Record):
    """What a run asks. `offered` are pairs of a source user and an account that a person may tell apart, too."""

    run_id: str
    questions: tuple[Question, ...] = ()
    offered: tuple[Pair, ...] = ()

    def still_open(self, standing: Sequence["Decision"]) -> list[Question]:
        """Those that nobody has decided since. `same` settles every other question about both sides, too."""
        decided = {one.id for one in standing}
        settled = {side for one in standing if one.same for side in (one.source_id, one.object_id)}
        return [one for one in self.questions if one.id not in decided and not settled & set(one.pair)]

    def still_offered(self, standing: Sequence["Decision"]) -> list[Pair]:
        """Those that nobody has decided since, and that are no question besides."""
        known = {one.id for one in standing} | {one.id for one in self.questions}
        return [pair for pair in self.offered if pair_id(*pair) not in known]

    def alike(self, kind: Kind) -> list[Question]:
        """The questions of this kind that may be answered together: of two sides that are in no other question."""
        sides = Counter(side for one in self.questions for side in set(one.pair))
        return [
            one
            for one in self.questions
            if one.kind is kind and one.alike and {sides[s] for s in one.pair} == {1}
        ]


class Decision(Record):
    """A person's answer. `address` is where they asked from."""

    id: str
    source_id: str
    object_id: str
    same: bool
    by: str
    address: str
    at: Time

    @property
    def lapses_at(self) -> datetime | None:
        """`same` holds until a sync has made it so, but no longer than this: the account may be gone for good."""
        return self.at + SAME_LAPSES_AFTER if self.same else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What people have decided: `same` is source id → object id, `apart` are pairs of two different people.

    `holds`: object id → the hold in force.
    """

    same: Mapping[str, str] = field(default_factory=dict)
    apart: frozenset[Pair] = frozenset()
    holds: Mapping[str, Hold] = field(default_factory=dict)


NOTHING_DECIDED = Decisions()
