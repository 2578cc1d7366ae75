"""Who is synchronised at all: rules on a field of the source, or on the account in Entra. Pure.

A person is in scope if no rule of `exclude` holds for them, and of each side that `include` has rules for one does. Who
is out of scope is left alone on both sides, is no leaver, and counts in no limit.
"""

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Literal, Self

from pydantic import Field, model_validator

from shared.model.addresses import is_object_id
from shared.model.bad_value import BadValue
from shared.model.characters import composed
from shared.model.people import Standing
from shared.model.records import Record
from shared.planning.entra_limits import LENGTHS

Read = Callable[[str], str | None]

_UPN = "userPrincipalName"
_OTHER_WILDCARDS = re.compile(r"[?\[]")
ATTRIBUTES = (_UPN, *LENGTHS)


class Rule(Record):
    """`field`: one of the source, or an attribute of Entra. A rule `memberOf` has none, and a group as `value`."""

    side: Literal["source", "entra"]
    field: str = Field(default="", max_length=256)
    op: Literal["=", "startsWith", "isEmpty", "memberOf"]
    value: str = Field(default="", max_length=256)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.op == "memberOf":
            if self.side != "entra" or self.field or not is_object_id(self.value):
                raise BadValue("rule.memberOf")
            return self
        if self.side == "entra" and self.field not in ATTRIBUTES:
            raise BadValue("rule.unknown", field=repr(self.field), possible=ATTRIBUTES)
        if not self.field.strip():
            raise BadValue("rule.noField")
        if (self.op == "isEmpty") == bool(self.value.strip()):
            raise BadValue("rule.value")
        return self

    def holds(self, value: str | None) -> bool:
        """Texts are compared without regard to case. In a UPN, `*` stands for any characters."""
        if self.op == "isEmpty":
            return value is None
        text, wanted = (value or "").casefold(), composed(self.value.strip()).casefold()
        if self.op == "startsWith":
            return text.startswith(wanted)
        if self.field == _UPN:
            return fnmatchcase(text, _OTHER_WILDCARDS.sub(r"[\g<0>]", wanted))
        return text == wanted


class Scope(Record):
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()

    @property
    def source_fields(self) -> tuple[str, ...]:
        return tuple(rule.field for rule in (*self.include, *self.exclude) if rule.side == "source")

    @property
    def attributes(self) -> tuple[str, ...]:
        return tuple(
            rule.field for rule in (*self.include, *self.exclude) if rule.side == "entra" and rule.field
        )

    def source_side(self, read: Read) -> bool:
        """Whether somebody is in scope by their fields in the source."""
        return self._standing("source", read) == "in"

    def entra_side(self, read: Read) -> Standing:
        """Whether an account is in scope by its attributes; that of a group's member is not known from them."""
        return self._standing("entra", read)

    def _standing(self, side: Literal["source", "entra"], read: Read) -> Standing:
        if not (self.include or self.exclude):
            return "in"
        include = [rule for rule in self.include if rule.side == side]
        exclude = [rule for rule in self.exclude if rule.side == side]
        if _any_holds(exclude, read):
            return "out"
        if not include or _any_holds(include, read):
            return "in"
        return "byGroup" if any(rule.op == "memberOf" for rule in include) else "out"

    @property
    def including_groups(self) -> frozenset[str]:
        """Object ids, as in the next one."""
        return frozenset(rule.value.lower() for rule in self.include if rule.op == "memberOf")

    @property
    def excluding_groups(self) -> frozenset[str]:
        return frozenset(rule.value.lower() for rule in self.exclude if rule.op == "memberOf")


EVERYBODY = Scope()


def _any_holds(rules: Iterable[Rule], read: Read) -> bool:
    return any(rule.holds(read(rule.field)) for rule in rules if rule.op != "memberOf")
