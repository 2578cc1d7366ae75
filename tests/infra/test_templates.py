"""The templates as Bicep: what can be told without Azure and, where no compiler is installed, without one."""

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from shared.http import endpoints
from tests.infra.bicep import INFRA, TEMPLATES, Declaration, Expression, read
from tests.infra.test_scripts import hooks

GRAPH_EXTENSION = "microsoftGraphV1"
# Diagnostic settings never left preview.
PREVIEWS = {"Microsoft.Insights/diagnosticSettings@2021-05-01-preview"}

all_templates = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(INFRA)))


@all_templates
def test_a_template_parses(path: Path) -> None:
    assert read(path).faults == []


@all_templates
def test_every_name_is_declared(path: Path) -> None:
    template = read(path)
    declared = {*template.parameters, *template.variables, *template.resources, *template.modules}
    assert template.names_used <= declared


@all_templates
def test_nothing_is_declared_for_nobody(path: Path) -> None:
    template = read(path)
    assert {*template.parameters, *template.variables} <= template.names_used


@all_templates
def test_a_module_gets_the_parameters_it_declares(path: Path) -> None:
    for module in read(path).modules.values():
        parameters = read(path.parent / module.of).parameters
        given = module.body["params"]
        assert isinstance(given, dict)
        required = {name for name, parameter in parameters.items() if parameter.required}
        assert required <= set(given) <= set(parameters), module.name


@all_templates
def test_an_output_of_a_module_exists(path: Path) -> None:
    template = read(path)
    for module, output in re.findall(r"\b(\w+)!?\.outputs\.(\w+)", path.read_text(encoding="utf-8")):
        assert output in read(path.parent / template.modules[module].of).outputs


@all_templates
def test_secrets_are_secure_parameters_all_the_way(path: Path) -> None:
    for name, parameter in read(path).parameters.items():
        is_secret = re.search(r"secret$|webhook$", name, re.IGNORECASE) is not None
        assert ("secure" in parameter.decorators) == is_secret, name


@all_templates
def test_nothing_comes_from_a_registry_and_graph_stays_in_its_folder(path: Path) -> None:
    template = read(path)
    assert all((path.parent / module.of).is_file() for module in template.modules.values())
    uses_graph = any(resource.type.startswith("Microsoft.Graph/") for resource in template.resources.values())
    assert template.extensions == ([GRAPH_EXTENSION] if uses_graph else [])
    assert not uses_graph or path.parent == INFRA / "graph"


def test_the_graph_extension_is_pinned() -> None:
    extensions = json.loads((INFRA / "graph" / "bicepconfig.json").read_text())["extensions"]
    assert list(extensions) == [GRAPH_EXTENSION]
    assert re.fullmatch(r"br:mcr\.microsoft\.com/.+:\d+\.\d+\.\d+", extensions[GRAPH_EXTENSION])


def test_api_versions_are_pinned_and_the_same_everywhere() -> None:
    versions = defaultdict(set)
    for resource in _resources():
        stable = re.fullmatch(r"\d{4}-\d\d-\d\d|v1\.0", resource.api_version)
        assert stable or resource.of in PREVIEWS, resource.of
        versions[resource.type].add(resource.api_version)
    assert all(len(found) == 1 for found in versions.values()), dict(versions)


@pytest.mark.parametrize("folder", [INFRA, INFRA / "graph"], ids=lambda folder: folder.name)
def test_types_are_checked_wherever_templates_stand(folder: Path) -> None:
    """The compiler takes the nearest bicepconfig.json alone."""
    rules = json.loads((folder / "bicepconfig.json").read_text())["analyzers"]["core"]["rules"]
    assert rules == {"use-user-defined-types": {"level": "warning"}}


def test_names_are_the_same_at_every_deployment() -> None:
    """newGuid and utcNow give another value each time, and with it a second resource, or a refusal."""
    for path in TEMPLATES:
        assert not re.search(r"\b(newGuid|utcNow)\(", path.read_text(encoding="utf-8")), path.name
    for resource in _resources():
        if resource.type == "Microsoft.Authorization/roleAssignments":
            name = resource.body["name"]
            assert isinstance(name, Expression)
            assert re.fullmatch(r"guid\(\w+\.id, \w*[pP]rincipalId, [\w.]+\)", name.text), resource.name


def test_the_deployment_gives_out_the_consoles_address_and_the_next_step() -> None:
    template = read(INFRA / "main.bicep")
    console = f"/api/{endpoints.get_console.path}"
    assert template.outputs["CONSOLE_URL"] == Expression(f"'https://${{app.outputs.hostName}}{console}'")
    assert template.outputs["NEXT_STEP"] == Expression("empty(signInClientId) ? firstSteps : nextSteps")
    assert "grant.py permissions --identity" in str(template.variables["firstSteps"])


def test_azd_prints_both_when_it_is_done() -> None:
    """It hands outputs to its hooks as environment variables of the same names."""
    posix, windows = hooks("postprovision")
    names = {"CONSOLE_URL": "https://console", "NEXT_STEP": "grant permissions"}
    hook = ["/bin/sh", "-c", posix]
    printed = subprocess.run(hook, env=names, capture_output=True, text=True, check=True)  # noqa: S603
    assert all(text in printed.stdout for text in names.values())
    assert set(re.findall(r"\$env:(\w+)", windows)) == set(names) <= set(read(INFRA / "main.bicep").outputs)


def _resources() -> list[Declaration]:
    return [resource for path in TEMPLATES for resource in read(path).resources.values()]
