"""The same company twice, hour by hour: one app reads Entra by its copy, the other one live."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from local.access_control.users import User as Person
from local.access_control.users import UserError
from local.entra import Entra, Fault, FaultPlan, User, parse_seed
from local.entra.errors import GraphError, Json
from shared.runs import lifecycle
from shared.settings import Settings
from tests.simulation.access_control import AccessControl
from tests.simulation.blobs import Blobs
from tests.simulation.clock import VirtualClock, world_time
from tests.simulation.faults import Faults
from tests.simulation.gate import History
from tests.simulation.graph import BASE_URL, AtOnce
from tests.simulation.loop import VirtualLoop
from tests.simulation.outside import Outside
from tests.simulation.platform import Instance, Message, Platform
from tests.simulation.tables import Tables
from tests.simulation.world import SETTINGS

T = TypeVar("T")
DOMAINS = ("contoso.com", "fabrikam.com", "fed.example")
_FEDERATED = DOMAINS[2]
# Somebody on each domain whom no edit is about: that everybody leaves it is not what is compared, nor are limits.
_STAYING = frozenset(f"stays@{domain}" for domain in DOMAINS)
_UNLIMITED = {
    "periodic_sync": True,
    "max_allowed_deletions": 100,
    "max_renames": None,
    "max_cleared": None,
    "max_blocks": None,
}
_COMPARED = (
    "userPrincipalName", "displayName", "givenName", "surname", "mailNickname", "onPremisesImmutableId",
    "accountEnabled",
)  # fmt: skip
EditKind = Literal[
    "hire", "leave", "come back", "rename", "swap", "take over", "move", "correct",
    "create by hand", "update by hand", "rename by hand", "swap by hand", "delete by hand", "restore by hand",
    "give role", "take role", "give mailbox",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody does on either side. `one`, `other`: places among those to whom it can be done."""

    kind: EditKind
    one: int
    other: int

    @property
    def domain(self) -> str:
        return DOMAINS[self.other % len(DOMAINS)]


class _InTurn(Platform):
    """Runs of two domains never race: which one gets what both want would be chance."""

    def __init__(self, outside: Outside, settings: Mapping[str, str]) -> None:
        super().__init__(outside, settings, (0.0,), lambda _: None)
        self._waiting: list[Message] = []

    def _send(self, message: Message) -> None:
        self._waiting.append(message)

    async def hour(self) -> None:
        await self.tick()
        while self._waiting:
            self._waiting.sort(key=lambda message: message.body)
            await self._delivered(self._waiting.pop(0), 0.0)


class Twin:
    """One of the two. What is done to it depends only on how the two sides are: on equal ones it is the same."""

    def __init__(self, loop: VirtualLoop, read: Literal["mirror", "live"], people: int) -> None:
        self._loop = loop
        self._left: dict[str, Person] = {}
        self._made = people
        now = lambda: world_time(loop)  # noqa: E731 - what the service's clock says
        self.entra = Entra(clock=AtOnce(loop, "entra"), url=BASE_URL)
        self.access_control = AccessControl(VirtualClock(loop, "access control"), 50, "snake_case")
        everybody = [_person(f"p{number}", DOMAINS[number % len(DOMAINS)]) for number in range(people)]
        everybody += [_person("stays", domain, username=f"stays at {domain}") for domain in DOMAINS]
        for person in everybody:
            self.access_control.users.put(person)
        domains = [
            {"id": name, "authenticationType": "Federated" if name == _FEDERATED else "Managed"}
            for name in DOMAINS
        ]
        self.entra.load(parse_seed({"domains": domains, "users": list(map(_account, everybody))}))
        self._outside = Outside(
            "twin", loop, History(loop), Faults(()), Random("twin"),
            Tables(now), Blobs(now), self.entra, self.access_control,
        )  # fmt: skip
        self._seeded = frozenset(self.entra.directory.users)
        self._settings = {**SETTINGS, "READ": read}
        self._platform = _InTurn(self._outside, self._settings)

    async def begin(self) -> None:
        services = Instance(self._outside, Settings.from_environment(self._settings), "setup", 0.0).services
        for domain in DOMAINS:
            await services.domains.change(domain, _UNLIMITED, lifecycle.SCHEDULE)

    async def hour(self, rules: Sequence[Json] = ()) -> None:
        """An hour that begins with the timer, while Graph does this."""
        self.entra.faults.load(FaultPlan(rules=[Fault.model_validate(rule) for rule in rules]))
        await self._platform.hour()
        self.entra.requests.clear()

    def tenant(self) -> tuple[list[Json], list[Json]]:
        """The users and the deleted ones. The ids of new ones are those of chance."""
        directory = self.entra.directory
        return self._shown(directory.users.values()), self._shown(directory.deleted.values())

    def _shown(self, users: Iterable[User]) -> list[Json]:
        return [
            {"id": user.id if user.id in self._seeded else "new"} | {name: user[name] for name in _COMPARED}
            | {"userPrincipalName": _former_upn(user)}
            for user in _in_order(users)
        ]  # fmt: skip

    def make(self, edit: Edit) -> None:
        """Does nothing where there is nobody to do it to, or the service refuses."""
        with suppress(IndexError, GraphError, UserError):
            if edit.kind.endswith("by hand") or edit.kind.startswith(("give", "take role")):
                self._meddle(edit)
            else:
                self._edit(edit)

    def _edit(self, edit: Edit) -> None:
        users = self.access_control.users
        staying = ("", *_STAYING)
        here = [one for one in users.all() if one.user_principal_name not in staying]
        if edit.kind == "hire":
            self._made += 1
            users.put(_person(f"p{self._made}", edit.domain))
            return
        if edit.kind == "come back":
            users.put(self._left.pop(_nth(sorted(self._left), edit.one)))
            return
        one, other = _nth(here, edit.one), _nth(here, edit.other)
        name = one.username
        match edit.kind:
            case "leave" | "take over":
                users.remove(name)
                self._left[name] = one
                if edit.kind == "take over" and one is not other:
                    del self._left[name]
                    users.edit(other.username, {"user_principal_name": one.user_principal_name})
            case "rename":
                local = f"{name}.{edit.other}"
                users.edit(name, {"user_principal_name": f"{local}@{_domain(one.user_principal_name)}"})
            case "move":
                users.edit(name, {"user_principal_name": f"{name}@{edit.domain}"})
            case "swap":
                users.edit(name, {"user_principal_name": other.user_principal_name})
                users.edit(other.username, {"user_principal_name": one.user_principal_name})
            case _:
                users.edit(name, {"family_name": f"Corrected {edit.other}"})

    def _meddle(self, edit: Edit) -> None:
        directory = self.entra.directory
        if edit.kind == "create by hand":
            # The UPN may be that of somebody who is hired next.
            directory.create(_by_hand(f"p{self._made + edit.one % 3}", edit.domain))
            return
        if edit.kind == "restore by hand":
            gone = _nth(_in_order(directory.deleted.values()), edit.one)
            directory.restore(gone, None, drop_conflicting_addresses=True)
            return
        here = [user for user in _in_order(directory.users.values()) if user.upn not in _STAYING]
        user, other = _nth(here, edit.one), _nth(here, edit.other)
        match edit.kind:
            case "update by hand":
                directory.update(user, {"surname": "By hand"})
            case "rename by hand":
                upn = f"by.hand.{edit.other}@{_domain(user.upn)}"
                directory.update(user, {"userPrincipalName": upn})
            case "swap by hand":
                one, another = user.upn, other.upn
                directory.update(user, {"userPrincipalName": f"between@{DOMAINS[0]}"})
                directory.update(other, {"userPrincipalName": one})
                directory.update(user, {"userPrincipalName": another})
            case "delete by hand":
                directory.delete(user)
            case "give mailbox":
                user.mailbox = "shared" if edit.other % 2 else "user"
            case _:
                user.roles = ("User Administrator",) if edit.kind == "give role" else ()


def _person(name: str, domain: str, username: str = "") -> Person:
    with_id = domain == _FEDERATED or sum(name.encode()) % 2 == 0
    return Person(
        username=username or name,
        user_principal_name=f"{name}@{domain}",
        family_name=f"Family of {name}",
        given_name=f"Given of {name}",
        display_name=f"{name} on {domain}",
        immutable_id=f"ID-{name}-{domain}" if with_id else "",
    )


def _account(person: Person) -> Json:
    account: Json = {
        "userPrincipalName": person.user_principal_name,
        "displayName": person.display_name,
        "givenName": person.given_name,
        "surname": person.family_name,
        "mailNickname": person.username,
    }
    return account | ({"onPremisesImmutableId": person.immutable_id} if person.immutable_id else {})


def _by_hand(name: str, domain: str) -> Json:
    return {
        "userPrincipalName": f"{name}@{domain}",
        "displayName": "By hand",
        "mailNickname": name,
        "accountEnabled": True,
    }


def _nth(some: Sequence[T], place: int) -> T:
    """Raises IndexError if there is none."""
    return some[place % len(some) if some else 0]


def _in_order(users: Iterable[User]) -> list[User]:
    return sorted(users, key=lambda user: (_former_upn(user), str(user["deletedDateTime"])))


def _former_upn(user: User) -> str:
    """Before a deletion."""
    return user.upn.removeprefix(user.id.replace("-", ""))


def _domain(upn: str) -> str:
    return upn.partition("@")[2]
