"""The seed of the emulator: its settings and users."""

from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local.access_control.faults import FaultPlan
from local.access_control.users import ADMINISTRATOR, CsvDelimiter, CsvEncoding, Keys, User, UserError, Users

CLIENT_ID = "emulator"
CLIENT_SECRET = "emulator-secret"  # noqa: S105 - of an emulator on loopback


class SeedError(ValueError):
    """A seed cannot be loaded; the message names the entry."""


class Seed(BaseModel):
    """The whole file; `build_users` checks its users one by one."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    clients: dict[str, str] = {CLIENT_ID: CLIENT_SECRET}
    token_lifetime: float = Field(default=3600, gt=0)
    page_size: int = Field(default=50, ge=1)
    keys: Keys = "snake_case"
    csv_encoding: CsvEncoding = "utf-8"
    csv_delimiter: CsvDelimiter = ","
    users: list[dict[str, object]] = []
    faults: FaultPlan = FaultPlan()


def read_seed(path: Path) -> Seed:
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise SeedError(f"{path} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise SeedError(f"{path} is not JSON: {error}") from error
    try:
        return parse_seed(content)
    except SeedError as error:
        raise SeedError(f"{path}: {error}") from error


def parse_seed(content: object) -> Seed:
    """Raises SeedError for every mistake, also in a user."""
    try:
        seed = Seed.model_validate(content)
    except ValidationError as error:
        raise SeedError(first_mistake(error)) from error
    build_users(seed.users)
    return seed


def build_users(entries: list[dict[str, object]]) -> Users:
    users = Users()
    for number, entry in enumerate(entries):
        try:
            user = User.model_validate(entry)
            if user.username == ADMINISTRATOR:
                users.put(user)
            else:
                users.add(user)
        except (ValidationError, UserError) as error:
            complaint = first_mistake(error) if isinstance(error, ValidationError) else error
            place = f"users[{number}] ({entry.get('username', 'no username')})"
            raise SeedError(f"{place}: {complaint}") from error
    return users


def first_mistake(error: ValidationError) -> str:
    """The first of pydantic's errors, in one line and without the value."""
    mistake = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in mistake["loc"])
    return f"{place}: {mistake['msg']}" if place else str(mistake["msg"])
