"""A body that names some settings, of which the others stay as they are."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.json_schema import JsonSchemaValue

from shared.model.bad_value import BadValue


def _any_subset(schema: JsonSchemaValue) -> None:
    """Adapts the schema: at least one setting, and no defaults, because a setting that is not named stays as it is."""
    schema["minProperties"] = 1
    for setting in schema["properties"].values():
        del setting["default"]


class AnySubset(BaseModel):
    """Comes after the settings that it is a subset of."""

    model_config = ConfigDict(json_schema_extra=_any_subset)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            named = (field.alias or name for name, field in type(self).model_fields.items())
            raise BadValue("field.atLeastOne", names=tuple(named))
        return self

    @property
    def changes(self) -> Mapping[str, object]:
        """What was named, by the settings' Python names."""
        return {name: getattr(self, name) for name in self.model_fields_set}
