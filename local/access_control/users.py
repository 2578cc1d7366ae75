"""The users in Access Control, in the shapes of the API and of the CSV export."""

import bisect
import csv
import io
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

# The last one is another spelling altogether: no UPN of its own, and a flag that says the opposite of the status.
Keys = Literal["snake_case", "Display Name", "camelCase", "inverted"]
CsvDelimiter = Literal[",", "\t"]
CsvEncoding = Literal["utf-8", "utf-8-sig", "cp932"]


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > 256:
        raise ValueError("a name is a text of at most 256 characters")
    return value


# Not pydantic's own text, which holds no half of a pair of surrogates: JSON can spell one.
Name = Annotated[str, PlainValidator(_name)]

ADMINISTRATOR = "hdeadmin"


class UserError(ValueError):
    """Access Control would refuse this edit; the message names the user."""


class User(BaseModel):
    """One user, with Access Control's limits (support.hdeone.com, S/9579702991001)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    username: str = Field(min_length=1, max_length=64)
    family_name: Name = ""
    given_name: Name = ""
    display_name: Name = ""
    user_principal_name: str = ""
    email: str = ""
    status: Literal["enabled", "disabled", "locked"] = "enabled"
    immutable_id: str = ""
    custom_attributes: dict[str, str] = {}

    def item(self, keys: Keys) -> dict[str, object]:
        """The user as the API lists it; keys in custom_attributes are the customer's and stay as they are."""
        fields = self.__dict__
        if keys == "inverted":
            left_out = ("status", "user_principal_name", "email")
            fields = {name: value for name, value in fields.items() if name not in left_out}
            fields |= {"email_address": self.address, "is_disabled": self.status == "disabled"}
        return {spelled(_DOCUMENTED.get(name, name), keys): value for name, value in fields.items()}

    @property
    def address(self) -> str:
        """The one address of the export: the UPN where there is one."""
        return self.user_principal_name or self.email


# The JSON keys are not published; what has a name in the export has the same here.
_DOCUMENTED = {"immutable_id": "microsoft_immutable_id"}
# The header of the export, in its order (support.hdeone.com, S/16780013124889), before the custom attributes and after
# them. Columns without a field here are empty or hold a made-up value.
_FIRST_COLUMNS = {
    "Username": "username",
    "Email Address": "address",
    "Family Name": "family_name",
    "Given Name": "given_name",
    "Display Name": "display_name",
    "Status": "status",
}
_OTHER_COLUMNS = {
    "Access Policy Group ID": "", "Access Policy Group Name": "", "OTP Notification Email": "",
    "OTP Emergency Token": "not-a-secret", "OTP Type": "", "Last Login": "", "Is Admin": "0",
    "Self Password Reset Email": "", "Password Change Policy": "", "Password Expiration Date": "",
    "New Password": "", "Role": "",
}  # fmt: skip
_LAST_COLUMN = "Microsoft Immutable ID"


class Users:
    """All users by username, in the order in which they were added, hdeadmin first.

    A page begins after a serial number, so that an edit between two pages neither skips nor repeats a user.
    """

    def __init__(self) -> None:
        self._serials: list[int] = []
        self._by_serial: dict[int, User] = {}
        self._serial_of: dict[str, int] = {}
        self._last_serial = 0
        self.add(User(username=ADMINISTRATOR, display_name="Administrator", family_name="Administrator"))

    def __len__(self) -> int:
        return len(self._serials)

    def __contains__(self, username: str) -> bool:
        return username in self._serial_of

    def __getitem__(self, username: str) -> User:
        return self._by_serial[self._serial_of[username]]

    def all(self) -> list[User]:
        return [self._by_serial[serial] for serial in self._serials]

    def add(self, user: User) -> None:
        if user.username in self._serial_of:
            raise UserError(f"{user.username} is there already")
        self._last_serial += 1
        self._serials.append(self._last_serial)
        self._by_serial[self._last_serial] = user
        self._serial_of[user.username] = self._last_serial

    def put(self, user: User) -> None:
        """Adds the user, or replaces the one with the same username."""
        if user.username in self._serial_of:
            self._by_serial[self._serial_of[user.username]] = user
        else:
            self.add(user)

    def edit(self, username: str, changes: Mapping[str, object]) -> User:
        """Changes some fields. Raises KeyError for an unknown username, ValueError for an invalid change."""
        before = self[username]
        if changes.get("username", username) != username:
            raise UserError(f"{username}: a username never changes")
        after = User.model_validate({**before.model_dump(), **changes})
        self._by_serial[self._serial_of[username]] = after
        return after

    def remove(self, username: str) -> None:
        serial = self._serial_of[username]
        if username == ADMINISTRATOR:
            raise UserError(f"{username} is built in")
        del self._serial_of[username], self._by_serial[serial]
        del self._serials[bisect.bisect_left(self._serials, serial)]

    def page(self, after: int, size: int) -> tuple[list[User], int | None]:
        """Up to `size` users after that serial number, and the last serial number if there are more."""
        start = bisect.bisect_right(self._serials, after)
        serials = self._serials[start : start + size]
        more = start + size < len(self._serials)
        return [self._by_serial[serial] for serial in serials], serials[-1] if more else None

    def csv(self, encoding: CsvEncoding, delimiter: CsvDelimiter = ",") -> bytes:
        """The export as HENNGE documents it, with a column for every custom attribute that any user has."""
        people = self.all()
        custom = list(dict.fromkeys(name for user in people for name in user.custom_attributes))
        text = io.StringIO(newline="")
        rows = csv.writer(text, lineterminator="\r\n", delimiter=delimiter)
        rows.writerow([*_FIRST_COLUMNS, *_OTHER_COLUMNS, *custom, _LAST_COLUMN])
        for user in people:
            fields = [str(getattr(user, field)) for field in _FIRST_COLUMNS.values()]
            attributes = [user.custom_attributes.get(name, "") for name in custom]
            rows.writerow([*fields, *_OTHER_COLUMNS.values(), *attributes, user.immutable_id])
        return text.getvalue().encode(encoding, errors="replace")


def spelled(name: str, keys: Keys) -> str:
    """A snake_case name in one of the spellings that the real API might use."""
    if keys == "snake_case":
        return name
    if keys in ("camelCase", "inverted"):
        return re.sub(r"_(.)", lambda match: match[1].upper(), name)
    return name.replace("_", " ").title()
