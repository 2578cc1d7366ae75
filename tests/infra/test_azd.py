"""Settings reach the templates as they were set, a second deployment needs no secret, and what is made is meant."""

import json
import re
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from shared.planning.mapping import MAPPABLE
from tests.infra import azd
from tests.infra.bicep import INFRA, Expression, dig, read
from tests.infra.compiler import bicep, needs_compiler

NEEDED = {"AZURE_ENV_NAME": "sync", "AZURE_LOCATION": "japaneast"}
# Quotes, escapes, line ends, what shells, azd, JSON and Bicep give a meaning to, and no value at all.
HOSTILE = (
    "",
    'a"b',
    "a\\c",
    "a\\n",
    "a\nb\r\n",
    "$HOME ${AZURE_ENV_NAME} ${x=y} $(id)",
    "it's ''' [concat('a')]",
    "@Microsoft.KeyVault(SecretUri=x)",
    "漢字 😀 \u202e",
    '{"value": null}',
    " spaces ",
)
HOSTILE_MAP = {**dict(zip(MAPPABLE, HOSTILE, strict=False)), "mailNickname": None}
PARAMETERS = read(INFRA / "main.bicep").parameters
CHOICES = {name for name, parameter in PARAMETERS.items() if "allowed" in parameter.decorators}
FREE_TEXT = {name for name, parameter in PARAMETERS.items() if parameter.type == "string"} - CHOICES
MAY_BE_EMPTY = {name for name in CHOICES if PARAMETERS[name].default == ""}
# Empty is no name and no region: the templates ask for one character.
NOT_EMPTY = {"environmentName", "location"}
LONGEST_NAME = 40
# What each kind of parameter does not take; the same number of each, so that a round takes one of each.
WRONG = {
    "bool": ("maybe", '"true"', "1", ""),
    "int": ("four", '"4"', "-1", ""),
    "choice": ("other", "1", "true", ""),
    "map": ('{"jobTitle": 1}', '["a"]', '{"a"', ""),
}


def test_azd_takes_this_file_because_no_other_stands_beside_it() -> None:
    """It prefers a .bicepparam; a .parameters.json beside it would be a second truth that nothing reads."""
    assert azd.PARAMETERS_FILE.is_file()
    assert not list(INFRA.glob("*.parameters.json"))


def test_every_parameter_is_given_once_with_the_default_that_the_template_states() -> None:
    given = azd.given()
    assert set(given) == set(PARAMETERS)
    assert len({one.variable for one in given.values()}) == len(given)
    for name, one in given.items():
        parameter = PARAMETERS[name]
        assert one.is_json == (parameter.type != "string"), name
        if not parameter.required:
            assert one.value({}) == parameter.default, name


@for_any(st.text())
def test_any_text_arrives_as_it_was_set(text: str) -> None:
    for name, one in azd.given().items():
        if not one.is_json:
            assert one.value({one.variable: text}) == text, name


@for_any(st.dictionaries(st.text(), st.none() | st.text()))
def test_any_attribute_map_arrives_as_it_was_set(attributes: dict[str, str | None]) -> None:
    one = azd.given()["attributeMap"]
    assert one.value({one.variable: json.dumps(attributes)}) == attributes


@needs_compiler
@pytest.mark.parametrize("shift", range(3))
def test_the_compiler_reads_every_text_parameter_as_it_was_set(shift: int) -> None:
    """Every parameter gets another hostile text, and in each round another one."""
    texts = {}
    for number, name in enumerate(sorted(FREE_TEXT)):
        text = HOSTILE[(number + shift * 4) % len(HOSTILE)]
        texts[name] = text[:LONGEST_NAME] or ("x" if name in NOT_EMPTY else "")
    compiled = _compiled({azd.given()[name].variable: text for name, text in texts.items()})
    assert {name: compiled[name]["value"] for name in texts} == texts


@needs_compiler
def test_the_compiler_reads_the_attribute_map_and_the_app_gets_it() -> None:
    settings = _app_settings(_resources({**NEEDED, "ATTRIBUTE_MAP": json.dumps(HOSTILE_MAP)}))
    assert json.loads(settings["ATTRIBUTE_MAP"]) == HOSTILE_MAP


@needs_compiler
@pytest.mark.parametrize("round_", range(len(WRONG["map"])))
def test_a_value_that_can_not_be_is_refused_by_the_compiler_on_its_own_line(round_: int) -> None:
    """Before azd has asked Azure for anything."""
    wrong = {name: WRONG[kind][round_] for name in PARAMETERS if (kind := _kind(name)) in WRONG}
    # Of some the app's own default is an empty choice.
    wrong = {name: text for name, text in wrong.items() if text or name not in MAY_BE_EMPTY}
    wrong |= {"environmentName": "x" * (LONGEST_NAME + 1) if round_ else "", "location": ""}
    set_ = {azd.given()[name].variable: text for name, text in wrong.items()}
    printed, complaints = bicep("build-params", azd.PARAMETERS_FILE, "--stdout", environment=set_)
    assert printed == ""
    assert {_parameter_of(complaint) for complaint in complaints} == set(wrong)


def _kind(name: str) -> str:
    if name in CHOICES:
        return "choice"
    return "map" if name == "attributeMap" else PARAMETERS[name].type


def _parameter_of(complaint: str) -> str:
    place = re.search(r"main\.bicepparam\((\d+),", complaint)
    assert place, complaint
    return azd.PARAMETERS_FILE.read_text(encoding="utf-8").splitlines()[int(place[1]) - 1].split()[1]


# A second provision needs nothing that was shown once


def test_no_parameter_but_name_and_region_must_be_set() -> None:
    """`azd env refresh` compiles the file on a machine that knows nothing yet."""
    assert {one.variable for one in azd.given().values() if one.default is None} == set(NEEDED)


def test_only_a_given_secret_is_written() -> None:
    vault = (INFRA / "vault.bicep").read_text(encoding="utf-8")
    assert "module secret 'secret.bicep' = if (!empty(henngeClientSecret)) {" in vault
    assert "vaults/secrets@" not in vault
    webhook = (INFRA / "main.bicep").read_text(encoding="utf-8")
    assert "module webhook 'webhook.bicep' = if (!empty(alertWebhook)) {" in webhook


@needs_compiler
def test_without_the_secrets_they_stay_and_everything_else_is_deployed() -> None:
    """The compiler keeps conditions on secure parameters: these resources depend on a value being there."""
    resources = _resources(NEEDED)
    conditional = {
        resource["type"]: resource["condition"] for resource in resources if "condition" in resource
    }
    assert conditional == {
        "Microsoft.KeyVault/vaults/secrets": "[not(empty(parameters('henngeClientSecret')))]",
        "Microsoft.Insights/actionGroups": "[not(empty(parameters('alertWebhook')))]",
        "Microsoft.AlertsManagement/actionRules": "[not(empty(parameters('alertWebhook')))]",
    }


def test_another_machine_gets_every_setting_back_but_the_secrets() -> None:
    """`azd env refresh` keeps the outputs of the last deployment under their names (provisioning/manager.go)."""
    outputs = read(INFRA / "main.bicep").outputs
    for name, one in azd.given().items():
        if name in azd.SECRETS:
            assert one.variable not in outputs
            assert "secure" in PARAMETERS[name].decorators
        elif one.variable not in NEEDED:
            assert outputs[one.variable] == Expression(name)


@needs_compiler
def test_what_a_refresh_keeps_is_read_as_the_same_value() -> None:
    """azd writes objects as JSON and everything else as Go prints it: true, 1500, text."""
    set_ = {
        **NEEDED,
        "ATTRIBUTE_MAP": '{"jobTitle": "Title \\"x\\"", "mailNickname": null}',
        "REQUIRE_DELETION_CHECKS": "false",
        "MAXIMUM_INSTANCE_COUNT": "7",
        "PROTECTED_USERS": 'a"b\\c@contoso.com',
    }
    outputs = _snapshot(set_)["outputs"]
    known = {one.variable for one in azd.given().values()}
    refreshed = {name: _as_azd_keeps(value) for name, value in outputs.items() if name in known}
    assert _compiled({**NEEDED, **refreshed}) == _compiled(set_)


# What is made


@needs_compiler
@pytest.mark.parametrize("template", ["main.bicep", "graph/main.bicep"])
def test_the_compiler_has_nothing_to_say(template: str) -> None:
    _, complaints = bicep("build", "--stdout", INFRA / template)
    assert complaints == []


@needs_compiler
def test_the_templates_make_what_is_meant() -> None:
    made = Counter(resource["type"].removeprefix("Microsoft.") for resource in _resources(NEEDED))
    assert made == {
        "ManagedIdentity/userAssignedIdentities": 1,
        "Authorization/roleAssignments": 6,
        "Storage/storageAccounts": 1,
        "Storage/storageAccounts/blobServices": 1,
        "Storage/storageAccounts/blobServices/containers": 7,
        "Storage/storageAccounts/queueServices": 1,
        "Storage/storageAccounts/queueServices/queues": 4,
        "Storage/storageAccounts/tableServices": 1,
        "Storage/storageAccounts/tableServices/tables": 2,
        "Storage/storageAccounts/managementPolicies": 1,
        "KeyVault/vaults": 1,
        "KeyVault/vaults/secrets": 1,
        # The same one twice: the second time it names the rule that names it.
        "OperationalInsights/workspaces": 2,
        "Insights/dataCollectionRules": 1,
        "Insights/components": 1,
        "Insights/diagnosticSettings": 3,
        "Insights/scheduledQueryRules": 7,
        "Insights/actionGroups": 2,
        "AlertsManagement/actionRules": 1,
        "Web/serverfarms": 1,
        "Web/sites": 1,
        "Web/sites/config": 1,
        "Web/sites/basicPublishingCredentialsPolicies": 2,
    }


@needs_compiler
@pytest.mark.parametrize(
    ("set_", "ready"),
    [
        ({}, []),
        ({"ALWAYS_READY_TIMER": "1"}, [("function:hourly_sync", 1)]),
        (
            {"ALWAYS_READY_INSTANCES": "2", "ALWAYS_READY_TIMER": "1"},
            [("http", 2), ("function:hourly_sync", 1)],
        ),
    ],
)
def test_nothing_is_kept_ready_unless_somebody_asks_for_it(
    set_: dict[str, str], ready: list[tuple[str, int]]
) -> None:
    (app,) = (r for r in _resources({**NEEDED, **set_}) if r["type"] == "Microsoft.Web/sites")
    scale = app["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert [(group["name"], group["instanceCount"]) for group in scale["alwaysReady"]] == ready
    assert scale["triggers"] == {"http": {"perInstanceConcurrency": 16}}


@needs_compiler
def test_with_a_csv_the_app_gets_no_reference_to_an_empty_vault() -> None:
    settings = _app_settings(_resources({**NEEDED, "SOURCE": "csv"}))
    assert settings["HENNGE_CLIENT_SECRET"] == ""


def test_names_are_as_long_as_resources_allow() -> None:
    """A function app has 60 characters, a plan too; the longest prefix and 14 characters of hash go off."""
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    assert f"@maxLength({LONGEST_NAME})\n" in text
    assert len("plan-") + LONGEST_NAME + len("-") + 13 <= 60
    assert dig(read(INFRA / "main.bicep").modules["app"].body, "params", "planName") == Expression(
        "'plan-${environmentName}-${token}'"
    )


def _as_azd_keeps(value: azd.Json) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compiled(environment: dict[str, str]) -> dict[str, Any]:
    printed, complaints = bicep("build-params", azd.PARAMETERS_FILE, "--stdout", environment=environment)
    assert complaints == []
    return dict(json.loads(json.loads(printed)["parametersJson"])["parameters"])


def _snapshot(environment: dict[str, str]) -> dict[str, Any]:
    """What the compiler finds that a deployment with these variables would make."""
    return _snapshot_of(tuple(environment.items()))


@cache
def _snapshot_of(environment: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    with TemporaryDirectory() as temporary:
        # The compiler writes beside the file that it reads.
        folder = Path(shutil.copytree(INFRA, Path(temporary) / "infra"))
        _, complaints = bicep(
            *("snapshot", folder / "main.bicepparam", "--mode", "overwrite"),
            *("--resource-group", "sync", "--subscription-id", "00000000-0000-0000-0000-000000000000"),
            environment=dict(environment),
        )
        assert complaints == []
        return dict(json.loads((folder / "main.snapshot.json").read_text(encoding="utf-8")))


def _resources(environment: dict[str, str]) -> list[dict[str, Any]]:
    return list(_snapshot(environment)["predictedResources"])


def _app_settings(resources: list[dict[str, Any]]) -> dict[str, str]:
    (app,) = (resource for resource in resources if resource["type"] == "Microsoft.Web/sites")
    return {one["name"]: one["value"] for one in app["properties"]["siteConfig"]["appSettings"]}
