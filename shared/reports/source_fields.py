"""What the source has: its fields, how many people have each, and a map that would suit it. Pure.

For administrators who put this app in front of a source whose field names nobody publishes. Values leave here masked
only, and those of fields that hold secrets not at all.
"""

from typing import Literal

from shared.model.parts import Parts, say
from shared.model.records import Record, Time
from shared.planning.mapping import AttributeMap, field_key, is_secret
from shared.planning.spellings import Seen, Spellings, Why, filled_by, spelled
from shared.words import said


class SourceField(Record):
    """A field of the source. `fills`: the Entra attributes that it fills today, or that name the person (`sourceId`).

    `users`: how many people have a value. `same`: all of those have the same one. `samples` are masked. `secret`: by
    its name it holds a secret, so that it can't be mapped.
    """

    name: str
    users: int
    same: bool
    samples: tuple[str, ...]
    fills: tuple[str, ...]
    secret: bool


class SuggestedField(Record):
    """The field that would fill an attribute, `!` before it for the opposite of a flag."""

    attribute: str
    field: str
    reason: str
    reason_parts: Parts


class SourceReport(Record):
    """What the source has. `kind`: `hennge` or `csv`; `name`: where it is.

    `version`: of the reading that found it; null where it was read for this answer alone. `users`: all that it lists,
    Access Control's built-in administrator too.
    """

    kind: Literal["hennge", "csv"]
    name: str
    version: int | None = None
    read_at: Time
    users: int
    fields: tuple[SourceField, ...]
    suggested: tuple[SuggestedField, ...]


class SourceFields(Spellings):
    """Collects what the fields of a source hold, and reports it."""

    def report(
        self, kind: Literal["hennge", "csv"], name: str, read_at: Time, attribute_map: AttributeMap
    ) -> SourceReport:
        filled = filled_by(attribute_map)
        return SourceReport(
            kind=kind,
            name=name,
            read_at=read_at,
            users=self.users,
            fields=tuple(
                SourceField(
                    name=seen.name,
                    users=seen.users,
                    same=seen.same and seen.users > 1 and bool(seen.samples),
                    samples=tuple(seen.samples),
                    fills=tuple(filled.get(field_key(seen.name), ())),
                    secret=is_secret(seen.name),
                )
                for seen in self.fields.values()
            ),
            suggested=tuple(self._suggestion(*one) for one in self.suggested(filled)),
        )

    def _suggestion(self, attribute: str, found: Seen, why: Why) -> SuggestedField:
        reason = say(
            {
                "kept": "suggested.kept",
                "named": "suggested.named",
                "inverted": "suggested.inverted",
                "address": "suggested.address",
                "encodedId": "suggested.encodedId",
            }[why],
            users=found.users,
            all=self.users,
        )
        name = spelled(found, why)
        return SuggestedField(attribute=attribute, field=name, reason=said(reason), reason_parts=reason)
