"""One person, and all who may have to do with them: what becomes of them does not depend on anybody else. Pure.

Two people have to do with each other if they share an identifier: a Username, an address, an immutable ID, an account
that an earlier sync or a person's decision gave them; so do those who share one with these. A name counts where
somebody has no account, or an account nobody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TypeVar

from shared.model.addresses import fold, fold_name
from shared.model.people import EntraUser, Memory, People, SourceUser
from shared.model.questions import Decisions
from shared.planning.mapping import AttributeMap
from shared.planning.pointers import username_local_part

V = TypeVar("V")
# The accounts of the domain that have one of these identifiers.
Sharing = Callable[[Set[str]], Iterable[EntraUser]]


@dataclass(slots=True, kw_only=True)
class Circle:
    """`asked`: what the person is called, and object ids of accounts that may be theirs. `by_name`: names count.

    `accounts`: of any domain, and of the `deleted` ones.
    """

    everybody: People
    memory: Memory
    decisions: Decisions
    attribute_map: AttributeMap
    asked: set[str]
    by_name: bool = False
    users: dict[str, SourceUser] = field(default_factory=dict)
    accounts: dict[str, EntraUser] = field(default_factory=dict)
    deleted: Sequence[EntraUser] = ()
    _sought: set[str] = field(default_factory=set)

    def grow(self, sharing: Sharing) -> None:
        """Adds who shares an identifier with those who are in it, until there is nobody else."""
        self._add_deleted()
        while texts := self.identifiers - self._sought:
            self._sought |= texts
            self.add(sharing(texts))
            texts |= self._owners(texts)
            near = (user for user in self.everybody if not texts.isdisjoint(self._called(user)))
            self.users |= {user.source_id: user for user in near}
            self._add_deleted()

    def add(self, accounts: Iterable[EntraUser]) -> None:
        self.accounts |= {account.object_id: account for account in accounts}

    def _add_deleted(self) -> None:
        known = self.identifiers
        self.add(one for one in self.deleted if not known.isdisjoint(self.of_account(one)))

    @property
    def identifiers(self) -> set[str]:
        """Of all who are in it."""
        of_users = (
            text for user in self.users.values() for text in (*self._called(user), *self._links(user))
        )
        of_accounts = (text for account in self.accounts.values() for text in self.of_account(account))
        return {*self.asked, *of_users, *of_accounts} - {""}

    @property
    def size(self) -> tuple[int, int, bool]:
        return len(self.users), len(self.accounts), self.by_name

    @property
    def people(self) -> People:
        """Those of the source who are in it, in its order."""
        people = People(user for user in self.everybody if user.source_id in self.users)
        people.fitting, people.whole = self.everybody.fitting, self.everybody
        return people

    @property
    def known(self) -> Memory:
        """What is known of them, and of those who have left the source."""
        memory = self.memory
        links = self._theirs(memory.links)
        return replace(
            memory,
            links=links,
            outside={who: since for who, since in memory.outside.items() if who in links},
            leavers={account: row for account, row in memory.leavers.items() if account in self.accounts},
        )

    @property
    def decided(self) -> Decisions:
        return replace(self.decisions, same=self._theirs(self.decisions.same))

    def _theirs(self, by_source_id: Mapping[str, V]) -> dict[str, V]:
        if not by_source_id:
            return {}
        others = {user.source_id for user in self.everybody} - self.users.keys()
        return {who: value for who, value in by_source_id.items() if who not in others}

    def _owners(self, accounts: Set[str]) -> set[str]:
        """The Usernames to whom one of these accounts was given."""
        given = (self.memory.links, self.decisions.same)
        return {who for links in given for who, account in links.items() if account in accounts}

    def _links(self, user: SourceUser) -> tuple[str, str]:
        return self.memory.links.get(user.source_id, ""), self.decisions.same.get(user.source_id, "")

    def _called(self, user: SourceUser) -> tuple[str, ...]:
        upn, email = user.upn, user.email
        return (
            user.source_id,
            username_local_part(user),
            upn.lower(),
            user.immutable_id or "",
            *fold(upn),
            *(fold(email) if email != upn else ()),
            *((fold_name(self.attribute_map.display_name(user)),) if self.by_name else ()),
        )

    def of_account(self, account: EntraUser) -> tuple[str, ...]:
        return (
            account.object_id,
            account.upn.lower(),
            account.immutable_id or "",
            account.nickname.casefold(),
            *fold(account.upn),
            *account.aliases,
            *((fold_name(account.display_name),) if self.by_name else ()),
        )
