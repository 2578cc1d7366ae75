"""How azd fills in the parameters of main.bicep: the compiler reads main.bicepparam in azd's environment.

azd appends what `azd env set` keeps to its own environment and runs `bicep build-params` in it (Azure/azure-dev,
cli/azd/pkg/infra/provisioning/bicep/bicep_provider.go, compileBicep; pkg/environment/environment.go, Environ).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tests.infra.bicep import INFRA

PARAMETERS_FILE = INFRA / "main.bicepparam"
# Never kept by azd, never given out, and left as they are where they are not given.
SECRETS = {"henngeClientSecret", "alertWebhook"}
_LINE = re.compile(r"param (\w+) = (json\()?readEnvironmentVariable\('(\w+)'(?:, '([^']*)')?\)(?(2)\))")

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Given:
    """Where a parameter comes from; `default` is None where the variable must be set."""

    variable: str
    default: str | None
    is_json: bool

    def value(self, environment: Mapping[str, str]) -> Json:
        text = (
            environment[self.variable]
            if self.default is None
            else environment.get(self.variable, self.default)
        )
        value: Json = json.loads(text) if self.is_json else text
        return value


def given() -> dict[str, Given]:
    """Every parameter that main.bicepparam gives; a line that this does not understand fails the test."""
    lines = PARAMETERS_FILE.read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith(("//", "using ")):
            match = _LINE.fullmatch(line)
            assert match, line
            found[match[1]] = Given(match[3], match[4], match[2] is not None)
    return found
