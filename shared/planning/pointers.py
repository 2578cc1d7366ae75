"""Which source users without an account could be whom the plan would delete: their identifiers point to them. Pure."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.model.addresses import fold, fold_name
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Pair
from shared.planning.mapping import AttributeMap
from shared.planning.territory import Place, Territory, Where


class By(StrEnum):
    """What points from a source user to an account: a folded UPN or Email that is its UPN, an immutable ID, an address
    that is one of its aliases, a Username whose local part is its `mailNickname`, the same display name."""

    UPN = "upn"
    EMAIL = "email"
    IMMUTABLE_ID = "immutableId"
    ALIAS = "alias"
    NICKNAME = "mailNickname"
    DISPLAY_NAME = "displayName"


@dataclass(frozen=True, slots=True)
class Pointer:
    user: SourceUser
    account: EntraUser
    by: By
    place: Place


def username_local_part(user: SourceUser) -> str:
    """What HENNGE's own sync writes as `mailNickname`."""
    return user.source_id.partition("@")[0].casefold()


class PointedAt:
    """The accounts that the plan would delete, read with nickname and aliases, by everything that may point to them.

    `formerly`: object ids of somebody who left. Such an account is theirs: that a newcomer has their
    `mailNickname`, or wants their alias, points to nobody.
    """

    def __init__(self, accounts: Iterable[EntraUser], formerly: Container[str]) -> None:
        self._by_address: dict[str, list[tuple[EntraUser, bool]]] = {}
        self._by_immutable_id: dict[str, EntraUser] = {}
        self._by_nickname: dict[str, list[EntraUser]] = {}
        self._by_name: dict[str, list[EntraUser]] = {}
        for account in accounts:
            upn = account.upn.lower()
            self._by_address.setdefault(upn, []).append((account, False))
            if account.immutable_id:
                self._by_immutable_id[account.immutable_id] = account
            if name := fold_name(account.display_name):
                self._by_name.setdefault(name, []).append(account)
            if account.object_id not in formerly:
                for alias in {*account.aliases} - {upn}:
                    self._by_address.setdefault(alias, []).append((account, True))
                if account.nickname:
                    self._by_nickname.setdefault(account.nickname.casefold(), []).append(account)

    def pointers(
        self,
        source: Sequence[SourceUser],
        certain: Container[str],
        territory: Territory,
        attribute_map: AttributeMap,
        apart: Container[Pair] = (),
    ) -> list[Pointer]:
        """Those of all source users but the `certain`, who have an account of their own. `apart` are other people."""
        found = []
        for user in source:
            if user.source_id in certain:
                continue
            place = territory.place(user)
            hits = self._by_email(user) if place.where is Where.FOREIGN else self._hits(user, attribute_map)
            found += [
                Pointer(user, account, by, place)
                for account, by in hits
                if (user.source_id, account.object_id) not in apart
            ]
        return found

    def _hits(self, user: SourceUser, attribute_map: AttributeMap) -> Iterator[tuple[EntraUser, By]]:
        for address in fold(user.upn):
            for account, alias in self._by_address.get(address, ()):
                yield account, By.ALIAS if alias else By.UPN
        yield from self._by_email(user)
        if keyed := self._by_immutable_id.get(user.immutable_id or ""):
            yield keyed, By.IMMUTABLE_ID
        for account in self._by_nickname.get(username_local_part(user), ()):
            yield account, By.NICKNAME
        for account in self._by_name.get(fold_name(attribute_map.display_name(user)), ()):
            yield account, By.DISPLAY_NAME

    def _by_email(self, user: SourceUser) -> Iterator[tuple[EntraUser, By]]:
        for address in fold(user.email):
            for account, alias in self._by_address.get(address, ()):
                yield account, By.ALIAS if alias else By.EMAIL
