"""The people of a company as their source has them, and what happens to them: each event leaves its edits."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.scenario import HOUR, Edit
from tests.simulation.slips import ABROAD, slip

DOMAINS = ("contoso.com", "fabrikam.com", "fed.example")
_FAMILY = ("青木", "Baker", "佐藤", "Ito", "高橋", "García")
_GIVEN = ("花子", "Max", "太郎", "Ann", "健", "José")
# So many people at least are left, and so many the company has room for.
_FEWEST, _MOST = 8, 36


@dataclass
class Company:
    """The source as the edits leave it: Username → record."""

    chance: Random
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, dict[str, Any]] = field(default_factory=dict)
    mistyped: dict[str, dict[str, str]] = field(default_factory=dict)
    hired: int = 0
    edits: list[Edit] = field(default_factory=list)
    federated: frozenset[str] = frozenset()

    @property
    def is_full(self) -> bool:
        return len(self.records) >= _MOST

    def hire(self, at: float, domain: str) -> None:
        self.hired += 1
        record = self.person(f"n{self.hired}", domain)
        self._put(at, record)
        if self.chance.random() < 0.4:
            # Corrected right when, or soon after, the next hour's sync creates the account.
            upn = f"{record['username']}.new@{domain}"
            self._edit(self._in_next_sync(at), record["username"], user_principal_name=upn)

    def hire_and_correct(self, at: float, corrected_at: float) -> None:
        """Somebody without an immutable ID, who gets another UPN soon."""
        self.hired += 1
        domain = self.chance.choice([name for name in DOMAINS if name not in self.federated])
        record = {**self.person(f"n{self.hired}", domain), "immutable_id": ""}
        self._put(at, record)
        upn = f"{record['username']}.new@{domain}"
        self._edit(corrected_at, record["username"], user_principal_name=upn)

    def inherit(self, at: float, upn: str) -> None:
        """Somebody new, with the UPN of somebody who has left."""
        self.hired += 1
        record = self.person(f"n{self.hired}", upn.partition("@")[2])
        self._put(at, {**record, "user_principal_name": upn})

    def newcomer(self, at: float, domain: str, *, wrong: bool = False) -> dict[str, Any]:
        """Somebody new. `wrong`: with a UPN that is mistyped until it is corrected. Returns how they are meant."""
        self.hired += 1
        record = self.person(f"n{self.hired}", domain)
        self._put(at, record)
        if wrong:
            self._mistyped(at, record["username"], {"user_principal_name": self._slipped(record)})
        return record

    def person(self, username: str, domain: str) -> dict[str, Any]:
        family, given = self.chance.choice(_FAMILY), self.chance.choice(_GIVEN)
        with_id = domain in self.federated or self.chance.random() < 0.5
        return {
            "username": username,
            "user_principal_name": f"{username}@{domain}",
            "family_name": family,
            "given_name": given,
            "display_name": f"{family} {given}",
            "immutable_id": f"ID-{username}" if with_id else "",
        }

    def leave(self, at: float, domain: str = "", username: str = "") -> str:
        """This person, or somebody of this domain, or of any. Returns their UPN; empty if too few are left."""
        here = sorted(who for who in self.records if domain in ("", self._domain(who)))
        if not here or len(self.records) < _FEWEST:
            return ""
        username = username if username in self.records else self.chance.choice(here)
        self.left[username] = self.records.pop(username)
        self.edits.append(Edit(at, "source.remove", username))
        upn = str(self.left[username]["user_principal_name"])
        if self.chance.random() < 0.3:
            # Somebody deletes the account by hand, perhaps while the sync is about to.
            self.edits.append(Edit(self._in_next_sync(at), "entra.delete", upn))
        return upn

    def come_back(self, at: float, username: str = "") -> None:
        """This person, or any of those who have left."""
        if self.left:
            username = username if username in self.left else self.chance.choice(sorted(self.left))
            self._put(at, self.left.pop(username))

    def marry(self, at: float) -> str:
        """A new family name and a new UPN. Returns the former one."""
        username = self.chance.choice(sorted(self.records))
        former = self.upn_of(username)
        domain = self._domain(username)
        family = self.chance.choice(_FAMILY)
        given = self.records[username]["given_name"]
        self._edit(
            at,
            username,
            user_principal_name=f"{username}.{self.chance.randrange(100)}@{domain}",
            family_name=family,
            display_name=f"{family} {given}",
        )
        return former

    def be_replaced(self, at: float) -> None:
        """A Username, with its UPN, is somebody else's from now on."""
        username = self.chance.choice(sorted(self.records))
        before = self.records[username]
        family = self.chance.choice([one for one in _FAMILY if one != before["family_name"]])
        given = self.chance.choice([one for one in _GIVEN if one != before["given_name"]])
        self._edit(at, username, family_name=family, given_name=given, display_name=f"{family} {given}")

    def be_corrected(self, at: float) -> str:
        """A new display name. Returns their UPN."""
        username = self.chance.choice(sorted(self.records))
        self._edit(at, username, display_name=f"{self.chance.choice(_FAMILY)} {self.chance.choice(_GIVEN)}")
        return str(self.records[username]["user_principal_name"])

    def swap(self, at: float) -> None:
        """Two people take each other's UPN."""
        if len(self.records) > 1:
            one, other = self.chance.sample(sorted(self.records), 2)
            upns = [self.records[who]["user_principal_name"] for who in (other, one)]
            for who, upn in zip((one, other), upns, strict=True):
                self._edit(at, who, user_principal_name=upn)

    def swap_on(self, at: float, domain: str) -> tuple[str, ...]:
        """Two people of this domain take each other's UPN. Returns their Usernames; nobody's if there are none."""
        here = sorted(who for who in self.records if self._domain(who) == domain)
        if len(here) < 2:
            return ()
        one, other = self.chance.sample(here, 2)
        upns = self.upn_of(other), self.upn_of(one)
        for who, upn in zip((one, other), upns, strict=True):
            self._edit(at, who, user_principal_name=upn)
        return one, other

    def take_over(self, at: float) -> None:
        """Somebody leaves, and another gets their UPN."""
        if len(self.records) > 1:
            leaver, heir = self.chance.sample(sorted(self.records), 2)
            self.left[leaver] = self.records.pop(leaver)
            self.edits.append(Edit(at, "source.remove", leaver))
            self._edit(at, heir, user_principal_name=self.left.pop(leaver)["user_principal_name"])

    def move(self, at: float) -> None:
        username = self.chance.choice(sorted(self.records))
        local = self.records[username]["user_principal_name"].partition("@")[0]
        self._edit(at, username, user_principal_name=f"{local}@{self.chance.choice(DOMAINS)}")

    def be_made_anew(self, at: float) -> None:
        """The only way to change a Username: the same person and UPN, and a new Username, perhaps with a slip."""
        username = self.chance.choice(sorted(self.records))
        record = self.records.pop(username)
        self.edits.append(Edit(at, "source.remove", username))
        self.hired += 1
        anew = self.chance.choice((f"n{self.hired}", f"{username}@n{self.hired}"))
        self._put(at, {**record, "username": anew})
        if self.chance.random() < 0.4:
            self.mistype(at, anew)

    def be_made_anew_with_slips(self, at: float) -> None:
        """The same with another UPN, and some value that still points to the former account."""
        username = self.chance.choice(sorted(self.records))
        former = self.records.pop(username)
        self.edits.append(Edit(at, "source.remove", username))
        self.hired += 1
        local, _, domain = str(former["user_principal_name"]).partition("@")
        anew = {**former, "username": f"n{self.hired}", "user_principal_name": f"{local}.n@{domain}"}
        self._put(at, anew)
        wrong = {"email": former["user_principal_name"]} if self.chance.random() < 0.5 else {}
        if self.chance.random() < 0.3:
            wrong["immutable_id"] = ""
        self._mistyped(at, anew["username"], {**wrong, "user_principal_name": self._slipped(former)})

    def mistype(self, at: float, username: str = "") -> None:
        """One value of this person, or of any, until it is corrected."""
        username = username or self.chance.choice(sorted(self.records))
        record = self.records[username]
        others = [one for one in (*self.records.values(), *self.left.values()) if one is not record]
        wrong = slip(self.chance, record, others)
        self._mistyped(at, username, wrong)

    def correct(self, at: float) -> None:
        """Everything that was mistyped."""
        for username, wrong in self.mistyped.items():
            if record := self.records.get(username):
                self.edits.append(
                    Edit(at, "source.edit", username, {name: record.get(name, "") for name in wrong})
                )
        self.mistyped.clear()

    def be_keyed(self, at: float) -> str:
        """Somebody gets an immutable ID that they did not have, for a while. Returns it."""
        username = self.chance.choice(sorted(self.records))
        key = f"ID-{username}-anew"
        self._mistyped(at, username, {"immutable_id": key})
        return key

    def immutable_id_of_leaver(self, upn: str) -> str:
        """Empty if they had none."""
        keys = [one["immutable_id"] for one in self.left.values() if one["user_principal_name"] == upn]
        return str(keys[0]) if keys else ""

    def username_of_leaver(self, upn: str) -> str:
        return next(who for who, one in self.left.items() if one["user_principal_name"] == upn)

    def upn_of(self, username: str) -> str:
        return str(self.records[username]["user_principal_name"])

    def _slipped(self, record: dict[str, Any]) -> str:
        """A UPN that is nearly this one's, or nowhere, or abroad, or this one in the middle of others."""
        local, _, domain = str(record["user_principal_name"]).partition("@")
        return self.chance.choice(
            (
                "",
                local,
                f"{local}@{domain[1:]}",
                f"{local}@{ABROAD}",
                f"{local}.n@{domain}",
                f" {local}＠{domain}",
            )
        )

    def _mistyped(self, at: float, username: str, wrong: dict[str, str]) -> None:
        self.mistyped.setdefault(username, {}).update(wrong)
        self.edits.append(Edit(at, "source.edit", username, wrong))

    def _in_next_sync(self, at: float) -> float:
        return (at // HOUR + 1) * HOUR + self.chance.choice((5.0, 10.0, 60.0, 500.0)) * self.chance.random()

    def _domain(self, username: str) -> str:
        return str(self.records[username]["user_principal_name"]).partition("@")[2]

    def _put(self, at: float, record: dict[str, Any]) -> None:
        self.records[record["username"]] = record
        self.edits.append(Edit(at, "source.put", record["username"], record))

    def _edit(self, at: float, username: str, **values: Any) -> None:
        self.records[username] = {**self.records[username], **values}
        self.edits.append(Edit(at, "source.edit", username, values))
