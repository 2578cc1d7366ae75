"""Family and given name of a user, compared however they are written, and as digests to be remembered. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from shared.model.addresses import fold_name
from shared.model.people import EntraUser, SourceUser
from shared.planning.mapping import AttributeMap

_DIGEST_BYTES = 4
_KEY_BYTES = 64
# Family and given names recur; folding takes long.
_folded = lru_cache(maxsize=16_384)(fold_name)


class Names:
    """Reads the names that the attribute map gives to `surname` and `givenName`; one that it leaves out is empty."""

    def __init__(self, attribute_map: AttributeMap) -> None:
        attributes = attribute_map.attributes
        self._places = [attributes.index(n) if n in attributes else -1 for n in ("surname", "givenName")]

    def agree(self, user: SourceUser, account: EntraUser) -> bool:
        """Whether both sides have the same family name, or the same given name."""
        pairs = zip(self._of(user), self._of(account), strict=True)
        return any(name and name == other for name, other in pairs)

    def same(self, user: SourceUser, account: EntraUser) -> bool:
        """Whether both sides have the same family name and the same given name, or neither has one."""
        return self._of(user) == self._of(account)

    def others(self, user: SourceUser, account: EntraUser) -> bool:
        """Whether family name and given name of the two both differ."""
        return _both_differ(self._of(user), self._of(account))

    def changed(self, user: SourceUser, digests: str) -> bool:
        """Whether family name and given name both differ from those whose digests are remembered."""
        return bool(digests) and _both_differ(self.digests(user).split(" "), digests.split(" "))

    def digests(self, user: SourceUser) -> str:
        """Digests of family and given name with a space between them, each empty if the name is.

        They are keyed with the source id, so that they don't show who has the same name.
        """
        key = user.source_id.encode(errors="replace")[:_KEY_BYTES]
        return " ".join(_digest(name, key) for name in self._of(user))

    def _of(self, user: SourceUser | EntraUser) -> list[str]:
        return [_folded(str(user.values[place] or "")) if place >= 0 else "" for place in self._places]


def _both_differ(one: Sequence[str], other: Sequence[str]) -> bool:
    """An empty name is no other one, nor are the two exchanged."""
    if not all((*one, *other)) or [*one] == [*other][::-1]:
        return False
    return one[0] != other[0] and one[1] != other[1]


def _digest(name: str, key: bytes) -> str:
    return blake2b(name.encode(), digest_size=_DIGEST_BYTES, key=key).hexdigest() if name else ""
