"""The API's schemas as TypeScript: every shape that pydantic writes."""

from typing import Literal

import pytest
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tools.api_types import declarations


class Inner(BaseModel):
    flag: bool


class Outer(BaseModel):
    text: str = "a default"
    number: int | float
    maybe: Inner | None
    several: list[Inner | None]
    by_name: dict[str, int]
    one_of: Literal["a", "b"]
    or_one: bool | Literal["c"]


_, DEFINITIONS = models_json_schema([(Outer, "serialization")], ref_template="#/components/schemas/{model}")


@pytest.mark.parametrize(
    "line",
    [
        "type Inner = { flag: boolean };",
        "text: string;",
        "number: number | number;",
        "maybe: Inner | null;",
        "several: (Inner | null)[];",
        "by_name: Record<string, number>;",
        'one_of: "a" | "b";',
        'or_one: boolean | "c" };',
    ],
)
def test_every_shape_has_its_type(line: str) -> None:
    assert line in declarations(DEFINITIONS["$defs"])
