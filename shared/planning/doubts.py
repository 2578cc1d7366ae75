"""What points from source users without an account to accounts that would go: shields and questions. Pure."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Kind, Pair, Question, pair_id
from shared.planning.lookups import Lookups
from shared.planning.mapping import AttributeMap, domain_of, other_person
from shared.planning.matching import Matching, named
from shared.planning.names import Names
from shared.planning.pointers import By, PointedAt, Pointer
from shared.planning.territory import Where

# An identifier names one account. A name or a `mailNickname` may be another person's too.
_RESEMBLING = frozenset({By.DISPLAY_NAME, By.NICKNAME})
_NAMING = frozenset({By.UPN, By.EMAIL, By.IMMUTABLE_ID, By.ALIAS})


@dataclass(slots=True)
class Doubts:
    """`shields`: object id → who may be that account, and can't be handled. `questions`: what a person decides.

    `beside`: source id → the accounts in question, for users who are to be added; `whose`: object id → their ids.
    """

    names: Names
    shields: dict[str, Pointer] = field(default_factory=dict)
    questions: dict[Pair, Question] = field(default_factory=dict)
    beside: dict[str, dict[str, EntraUser]] = field(default_factory=dict)
    whose: dict[str, set[str]] = field(default_factory=dict)

    def ask(self, user: SourceUser, account: EntraUser, speaks_for: Parts) -> None:
        question = ask(Kind.ADD_BESIDE_DELETION, user, account, speaks_for, self.names)
        self.questions.setdefault(question.pair, question)
        self.beside.setdefault(user.source_id, {})[account.object_id] = account
        self.whose.setdefault(account.object_id, set()).add(user.source_id)

    def ask_beside(
        self, newcomers: Iterable[SourceUser], resembling: Mapping[str, Sequence[EntraUser]]
    ) -> None:
        """Asks about newcomers and accounts that are not on the domain."""
        for user in newcomers if resembling else ():
            for account in resembling.get(user.source_id, ()):
                self.ask(user, account, say("question.elsewhere", account=named(account)))


def ask(kind: Kind, user: SourceUser, account: EntraUser, speaks_for: Parts, names: Names) -> Question:
    """The question whether the account is the user's, with what speaks against it."""
    against: Parts = ()
    if other_person(user, account):
        against += say("question.otherImmutableId")
    if kind is not Kind.BOTH_NAMES and names.others(user, account):
        against += say("question.otherNames")
    speaks_for += _created(account.created)
    domains = dict.fromkeys(one for one in (domain_of(user.upn), domain_of(account.upn)) if one)
    return Question(
        id=pair_id(user.source_id, account.object_id),
        kind=kind,
        source_id=user.source_id,
        object_id=account.object_id,
        user_principal_name=account.upn,
        display_name=account.display_name,
        domains=tuple(domains),
        speaks_for=speaks_for,
        speaks_against=against,
        # Whether a Username that is made anew keeps its immutable ID is unknown: another one answers nothing.
        alike=names.same(user, account) if kind is Kind.SAME_UPN else not against,
    )


_CREATED = "question.created"
_MAILBOXES = {"user": say("question.mailbox"), "none": say("question.noMailbox")}


def with_mailbox(question: Question, purposes: Mapping[str, str] | None) -> Question:
    """The same question, which says whether the account has a mailbox if that was read. `purposes`: by object id."""
    told = _MAILBOXES.get((purposes or {}).get(question.object_id, ""), ())
    return question.model_copy(update={"speaks_for": question.speaks_for + told}) if told else question


def undated(questions: Iterable[Question]) -> list[str]:
    """The object ids of the accounts of which the questions don't say when they were created."""
    return [one.object_id for one in questions if all(part.code != _CREATED for part in one.speaks_for)]


def with_created(questions: Iterable[Question], created: Mapping[str, str]) -> tuple[Question, ...]:
    """The same questions, which say when these accounts were created. `created`: object id → time."""
    return tuple(
        question.model_copy(
            update={"speaks_for": question.speaks_for + _created(created.get(question.object_id, ""))}
        )
        for question in questions
    )


def _created(time: str) -> Parts:
    return say("question.created", date=time[:10]) if time else ()


def pointers_to_leavers(
    people: Sequence[SourceUser], matching: Matching, lookups: Lookups, attribute_map: AttributeMap
) -> list[Pointer]:
    """What points from all source users without an account on the domain to the leavers."""
    certain = {user.source_id for user, _ in matching.pairs} - matching.folded
    certain |= {owner.source_id for owner in matching.moved.values()} | lookups.certain
    pointed_at = PointedAt(lookups.leavers, matching.formerly)
    return pointed_at.pointers(people, certain, lookups.territory, attribute_map, matching.apart)


def doubts(
    pointers: Iterable[Pointer], doomed: Container[str], refused: Mapping[str, bool], names: Names
) -> Doubts:
    """What follows from each pointer to an account that is `doomed`, i.e. would be deleted.

    `refused`: source id → whether they can't be added, for all users without an account of their own: who is not
    named has one. Somebody who can't be placed or added shields whatever may be theirs; of somebody who would be
    added beside the deletion it is asked. Who is on a foreign domain shields by Email alone and is not asked about.
    """
    found = Doubts(names)
    for pointer in pointers:
        if pointer.account.object_id not in doomed or pointer.user.source_id not in refused:
            continue
        foreign, unplaced = pointer.place.where is Where.FOREIGN, refused[pointer.user.source_id]
        if not foreign and (pointer.by in _RESEMBLING or (pointer.by in _NAMING and not unplaced)):
            found.ask(pointer.user, pointer.account, say("question.because", by=_SAID[pointer.by]))
        if foreign or (unplaced and pointer.by is not By.DISPLAY_NAME):
            found.shields.setdefault(pointer.account.object_id, pointer)
    return found


_SAID = {
    By.UPN: say("pointer.upn"),
    By.EMAIL: say("pointer.email"),
    By.IMMUTABLE_ID: say("pointer.immutableId"),
    By.ALIAS: say("pointer.alias"),
    By.NICKNAME: say("pointer.nickname"),
    By.DISPLAY_NAME: say("pointer.displayName"),
}


def shielded(pointer: Pointer) -> Parts:
    """Why the account is not deleted, and what to correct."""
    user, place = pointer.user, pointer.place
    who = say("shield.who", user=user.source_id, by=_SAID[pointer.by])
    if place.where is Where.NEAR:
        return who + say("shield.near", upn=user.upn, near=place.near)
    if place.where is Where.FOREIGN:
        return who + say("shield.foreign", domain=place.domain)
    if place.where is Where.NOWHERE:
        return who + say("shield.nowhere", upn=repr(user.upn))
    if place.where is Where.UNVERIFIED:
        return who + say("shield.unverified", domain=place.domain)
    return who + say("shield.refused")
