"""Hundreds of thousands of people, the same on both sides, in the format of either service."""

from collections.abc import Iterator
from dataclasses import dataclass

DOMAIN = "contoso.com"
_FAMILIES = (
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "Baker",
    "Evans",
    "Morgan",
    "Turner",
)
_GIVEN = (
    "花子",
    "一郎",
    "恵美",
    "大輔",
    "由美",
    "健二",
    "七海",
    "蓮",
    "さくら",
    "Oliver",
    "Grace",
    "Jack",
    "Emma",
)


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    domain: str = DOMAIN

    @property
    def username(self) -> str:
        return f"user{self.number:07d}"

    @property
    def upn(self) -> str:
        return f"user{self.number:07d}@{self.domain}"

    @property
    def immutable_id(self) -> str:
        return f"x9JTMfoqaXvEWY{self.number:08d}=="

    @property
    def object_id(self) -> str:
        return f"4c65d899-800d-522d-893a-{self.number:012x}"

    @property
    def family_name(self) -> str:
        return _copy(_FAMILIES[self.number % len(_FAMILIES)])

    @property
    def given_name(self) -> str:
        return _copy(_GIVEN[self.number % len(_GIVEN)])

    @property
    def display_name(self) -> str:
        return f"{self.family_name} {self.given_name}"


def _copy(text: str) -> str:
    """Equal text in a new object, because parsed answers share no strings either."""
    return f"{text}."[:-1]


def domains(count: int) -> list[str]:
    return [DOMAIN, *(f"domain{number:03d}.example" for number in range(1, count))]


def people(count: int, on: int = 1) -> Iterator[Person]:
    """They are spread evenly over so many domains."""
    names = domains(on)
    return (Person(number, names[number % on]) for number in range(count))


def room(domain: str) -> dict[str, object]:
    """A room's account, in the seed format of the Entra emulator: it is only there."""
    upn = f"room@{domain}"
    return {"userPrincipalName": upn, "displayName": f"Room of {domain}", "mail": upn, "_mailbox": "room"}


def graph_user(person: Person) -> dict[str, object]:
    """The user as Graph lists it with the `$select` of a run."""
    return {
        "id": person.object_id,
        "userPrincipalName": person.upn,
        "displayName": person.display_name,
        "onPremisesImmutableId": person.immutable_id,
        "onPremisesSyncEnabled": None,
        "userType": "Member",
        "givenName": person.given_name,
        "surname": person.family_name,
        "mailNickname": person.username,
        "accountEnabled": True,
    }


def access_control_user(person: Person) -> dict[str, object]:
    """The user in the seed format of the Access Control emulator."""
    return {
        "username": person.username,
        "user_principal_name": person.upn,
        "email": person.upn,
        "family_name": person.family_name,
        "given_name": person.given_name,
        "display_name": person.display_name,
        "immutable_id": person.immutable_id,
        "status": "enabled",
    }
