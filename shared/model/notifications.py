"""Notifications: where word of the syncs goes, and what has happened that they tell of. Pure.

An address is a secret, as the ones of Teams and Slack let anybody post who knows them. Addresses and secrets show as
masks wherever a notification is shown, logged or recorded; only storage asks for them as they are, with `STORED`.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    SerializationInfo,
    StringConstraints,
    field_serializer,
    model_validator,
)

from shared.model.bad_value import BadValue
from shared.model.domain_names import domain_name
from shared.model.parts import Parts
from shared.model.records import Record, Time

Event = Literal[
    "run.cancelled",
    "run.failed",
    "run.recovered",
    "protection.off",
    "people.failing",
    "questions.open",
    "approval.waiting",
    "leaver.blocked",
    "leaver.due",
    "hold.ending",
    "pause.started",
    "pause.ended",
    "sync.firstClean",
    "digest.daily",
    "digest.weekly",
]
Kind = Literal["webhook", "teams", "slack"]
# Of secrets the first is `…1`. No address and no secret has this character.
MASK = "…"
# The context of a serialisation for storage.
STORED = {"secrets": "plain"}
MOST_NOTIFICATIONS = 10
_LONGEST_ADDRESS = 2_000
_SECRET_PREFIX = "whsec_"  # noqa: S105 - how the secrets of Standard Webhooks begin
# In bytes, by Standard Webhooks.
_SHORTEST_SECRET, _LONGEST_SECRET = 24, 64


def _address(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text == MASK:
        return value
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    else:
        fits = fits and parts.username is None and text.isascii() and text.isprintable() and " " not in text
    if not fits or len(text) > _LONGEST_ADDRESS:
        raise BadValue("notification.badAddress")
    return value


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.startswith(MASK):
        return value
    try:
        size = len(base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not _SHORTEST_SECRET <= size <= _LONGEST_SECRET:
        raise BadValue("notification.badSecret", least=_SHORTEST_SECRET, most=_LONGEST_SECRET)
    return value


def _domains(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({domain_name(name.strip()) for name in value}))


Address = Annotated[SecretStr, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]


class Notification(Record):
    """A receiver of word, and the events that it gets, of all domains or some.

    `id`: left out, it is chosen. `url` and `secrets` show as masks; left out or as masks they stay as they are. Of two
    `secrets` each signs, so that a receiver can change from one to the other. `names`: whether texts may name people.
    `setAt`: when address or secrets were last set; what is sent for it is ignored.
    """

    id: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{0,40}$")] = ""
    kind: Kind
    url: Address | None = None
    secrets: Annotated[tuple[Secret, ...], Field(max_length=2)] | None = None
    domains: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_domains)] | None = None
    events: Annotated[tuple[Event, ...], Field(min_length=1, max_length=15)]
    names: bool = False
    set_at: Time | None = None

    @model_validator(mode="after")
    def _signed_where_it_can_be(self) -> "Notification":
        if self.secrets and self.kind != "webhook":
            raise BadValue("notification.notSigned", kind=self.kind)
        return self

    @field_serializer("url")
    def _shown_url(self, value: SecretStr | None, info: SerializationInfo) -> str | None:
        return None if value is None else _shown(value, MASK, info)

    @field_serializer("secrets")
    def _shown_secrets(
        self, value: tuple[SecretStr, ...] | None, info: SerializationInfo
    ) -> list[str] | None:
        return None if value is None else [_shown(one, f"{MASK}{n}", info) for n, one in enumerate(value, 1)]

    @property
    def address(self) -> str:
        return self.url.get_secret_value() if self.url else ""

    def of(self, domain: str) -> bool:
        """Whether it is about this domain; word of the tenant (empty) goes to all."""
        return not self.domains or not domain or domain in self.domains

    def wants(self, happening: "Happening") -> bool:
        return happening.event in self.events and self.of(happening.domain)


def _shown(value: SecretStr, mask: str, info: SerializationInfo) -> str:
    return value.get_secret_value() if info.context is STORED else mask


def _distinct(value: tuple[Notification, ...]) -> tuple[Notification, ...]:
    named = [one.id for one in value if one.id]
    if twice := next((one for one in named if named.count(one) > 1), None):
        raise BadValue("notification.twice", id=twice)
    return value


Notifications = Annotated[
    tuple[Notification, ...], Field(max_length=MOST_NOTIFICATIONS), AfterValidator(_distinct)
]


def with_kept_secrets(
    wanted: Iterable[Notification],
    stored: Iterable[Notification],
    now: datetime,
    new_id: Callable[[], str],
) -> tuple[Notification, ...]:
    """The notifications with what they leave out, from the stored ones with their ids.

    Raises BadValue for an address that is left out, or a mask, where nothing stored has it.
    """
    known = {one.id: one for one in stored}
    return tuple(_kept(one, known.get(one.id), now, new_id) for one in wanted)


def _kept(
    wanted: Notification, stored: Notification | None, now: datetime, new_id: Callable[[], str]
) -> Notification:
    url = wanted.url
    if url is None or url.get_secret_value() == MASK:
        url = stored.url if stored else None
    if url is None:
        raise BadValue("notification.noAddress", id=repr(wanted.id))
    before = (stored.secrets if stored else None) or ()
    secrets = before if wanted.secrets is None else tuple(_unmasked(wanted.id, wanted.secrets, before))
    if wanted.kind != "webhook":
        secrets = ()
    same = stored is not None and (url, secrets) == (stored.url, stored.secrets)
    set_at = stored.set_at if stored and same else now
    update = {"id": wanted.id or new_id(), "url": url, "secrets": secrets, "set_at": set_at}
    return wanted.model_copy(update=update)


def _unmasked(name: str, wanted: Iterable[SecretStr], stored: tuple[SecretStr, ...]) -> Iterator[SecretStr]:
    masks = {f"{MASK}{number}": secret for number, secret in enumerate(stored, 1)}
    for one in wanted:
        text = one.get_secret_value()
        if text.startswith(MASK) and text not in masks:
            raise BadValue("notification.noSecret", id=repr(name))
        yield masks.get(text, one)


class Happening(Record):
    """Something that notifications tell of.

    `about` says what it happened to, such as a run, a person or a day: with event and domain, it makes a repeat known
    as one. `domain` is empty for the tenant. `times` and `since`: how often in a row, and since when. `text` names
    nobody; `details` may, and goes only where names are wanted.
    """

    event: Event | Literal["test"]
    domain: str = ""
    about: str
    at: Time
    run_id: str = ""
    counts: dict[str, int] = Field(default_factory=dict)
    times: int = 1
    since: Time | None = None
    text: Parts = ()
    details: Parts = ()

    def id_for(self, notification: str) -> str:
        """The id of the message to that receiver: the same whenever the same thing is told again."""
        what = "\n".join((self.domain, self.event, self.about, notification))
        return f"msg_{hashlib.sha256(what.encode()).hexdigest()[:32]}"


class Delivery(Record):
    """How one message fared. `status`: what the receiver answered, null for no answer. `why`: what went wrong."""

    id: str
    delivered: bool
    status: int | None
    milliseconds: int
    why: Parts = ()
