"""What azd and the workflow run around a deployment: settings are checked before, triggers are told after."""

import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from infra import check_settings, sync_triggers
from shared.http import endpoints
from shared.settings import Settings
from tests.infra.bicep import INFRA, read

ROOT = INFRA.parent
AZURE_YAML = (ROOT / "azure.yaml").read_text(encoding="utf-8")
DEPLOY = (ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")
FIRST = {
    "AZURE_ENV_NAME": "hennge-sync",
    "ALERT_EMAIL": "admins@contoso.com",
    "HENNGE_CLIENT_ID": "id",
    "HENNGE_CLIENT_SECRET": "secret",
    "HENNGE_SECRET_EXPIRES_ON": "2027-03-31",
}
LATER = {
    **{name: value for name, value in FIRST.items() if name != "HENNGE_CLIENT_SECRET"},
    "FUNCTION_APP_NAME": "func",
}


@pytest.mark.parametrize("settings", [FIRST, LATER, {**FIRST, "AZURE_ENV_NAME": "x" * 40}], ids=str)
def test_sound_settings_pass(settings: dict[str, str]) -> None:
    assert list(check_settings.faults(settings)) == []


def test_a_csv_needs_its_path_and_no_secret() -> None:
    csv = {"AZURE_ENV_NAME": "sync", "ALERT_EMAIL": "a@contoso.com", "SOURCE": "csv"}
    assert list(check_settings.faults({**csv, "CSV_PATH": "blob:people/users.csv"})) == []
    (fault,) = check_settings.faults(csv)
    assert fault.startswith("CSV_PATH")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("AZURE_ENV_NAME", ["", "a_b", "a.b", "(a)", "-a", "a-", "a b", "日本", "a\n", "x" * 41]),
        ("ALERT_EMAIL", ["", " ", "nobody", "a@b", "a b@c.d"]),
        ("HENNGE_CLIENT_ID", ["", " "]),
        ("HENNGE_CLIENT_SECRET", ["", " "]),
        ("HENNGE_SECRET_EXPIRES_ON", ["", "soon", "31.03.2027", "2027-02-30", "20270331", "2027-W13-3"]),
    ],
)
def test_each_bad_setting_is_named_with_what_to_do(name: str, values: list[str]) -> None:
    for value in values:
        if value.strip() != FIRST[name]:
            (fault,) = check_settings.faults({**FIRST, name: value})
            assert fault.startswith(name)
            assert re.search(r"azd env (set|new|refresh)", fault)
            assert "secret'" not in fault


@pytest.mark.parametrize(
    ("deployed", "passes"),
    [({}, True), ({"DEPLOYED_SOURCE": "hennge"}, True), ({"DEPLOYED_SOURCE": "csv"}, False)],
)
def test_from_a_csv_to_access_control_the_secret_must_be_given(
    deployed: dict[str, str], passes: bool
) -> None:
    faults = list(check_settings.faults({**LATER, **deployed}))
    assert [fault.partition(" ")[0] for fault in faults] == ([] if passes else ["HENNGE_CLIENT_SECRET"])
    assert list(check_settings.faults({**LATER, **deployed, "HENNGE_CLIENT_SECRET": "secret"})) == []
    if not passes:
        assert "export HENNGE_CLIENT_SECRET" in faults[0]


def test_a_name_that_passes_makes_names_that_azure_takes() -> None:
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    assert f"@maxLength({check_settings.LONGEST_NAME})\n" in text


def test_settings_it_asks_for_are_those_that_the_app_needs() -> None:
    for name in ("HENNGE_CLIENT_ID", "HENNGE_CLIENT_SECRET", "CSV_PATH", "HENNGE_SECRET_EXPIRES_ON"):
        assert name in {field.alias for field in Settings.model_fields.values()}
    assert {check_settings.DEPLOYED, check_settings.DEPLOYED_SOURCE} <= set(
        read(INFRA / "main.bicep").outputs
    )


@pytest.mark.parametrize(
    ("kept", "warned"),
    [
        ('HENNGE_CLIENT_SECRET="abc"\nSOURCE="hennge"\n', ["HENNGE_CLIENT_SECRET"]),
        ("ALERT_WEBHOOK=https://hooks.example/x\n", ["ALERT_WEBHOOK"]),
        ('HENNGE_CLIENT_SECRET=""\nALERT_WEBHOOK=\nALERT_EMAIL="a@b.c"\n', []),
    ],
)
def test_a_secret_that_azd_keeps_in_a_file_is_warned_of_and_not_shown(
    kept: str, warned: list[str], tmp_path: Path
) -> None:
    file = tmp_path / ".azure" / "sync" / ".env"
    file.parent.mkdir(parents=True)
    file.write_text(kept)
    warnings = list(check_settings.warnings({"AZURE_ENV_NAME": "sync"}, tmp_path))
    assert [warning.partition(" ")[0] for warning in warnings] == warned
    assert not any("abc" in warning or "hooks.example" in warning for warning in warnings)


# Triggers


def test_every_function_of_the_app_is_waited_for() -> None:
    app, api = (file.read_text(encoding="utf-8") for file in sync_triggers.FILES)
    assert sync_triggers.declared(app) == set(re.findall(r"^async def (\w+)", app, re.MULTILINE))
    assert sync_triggers.declared(api) == endpoints.FUNCTIONS.keys()


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `az` that does what the file `az.py` beside it says, and writes down each call."""
    program = tmp_path / "az"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\nfrom pathlib import Path\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.infra.az_cmd import arguments\nsys.argv[1:] = arguments(sys.argv[1:])\n"
        "log = Path(__file__).with_name('log')\nlog.open('a').write(' '.join(sys.argv[1:5]) + '\\n')\n"
        "calls = log.read_text()\nexec(Path(__file__).with_name('az.py').read_text())\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


KNOWN_AFTER_THREE = """
timer = {"type": "timerTrigger", "schedule": "0 0 * * * *"}
def function(name, *bindings):
    return {"name": "func/" + name, "properties": {"config": {"bindings": list(bindings)}}}
if "functions" in sys.argv[5] and calls.count("post") < 3:
    print(json.dumps({"value": [function("WarmUp")]}))
elif "functions" in sys.argv[5]:
    print(json.dumps({"value": [function("hourly_sync", timer), function("list_domains"), function("WarmUp")]}))
"""


def test_it_posts_until_every_function_is_listed(az: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (az / "az.py").write_text(KNOWN_AFTER_THREE)
    assert sync_triggers.sync("/group (1)/app", {"hourly_sync", "list_domains"}, pause=0) == ""
    assert (az / "log").read_text().count("rest --method post --url") == 3
    assert "hourly_sync runs at 0 0 * * * *" in capsys.readouterr().out


def test_a_function_that_never_appears_is_named(az: Path) -> None:
    (az / "az.py").write_text(KNOWN_AFTER_THREE)
    assert sync_triggers.sync("/app", {"hourly_sync", "other"}, pause=0) == "not known yet: other"
    assert (az / "log").read_text().count("rest --method post --url") == sync_triggers.TRIES


def test_a_refusal_is_told_in_azs_own_words(az: Path) -> None:
    (az / "az.py").write_text("sys.exit('AuthorizationFailed')")
    assert sync_triggers.sync("/app", {"hourly_sync"}, pause=0) == "AuthorizationFailed"


def test_the_list_of_functions_is_read_whether_or_not_it_tells_bindings() -> None:
    answer = {
        "value": [{"name": "func/a", "properties": {}}, {"name": "func/b", "properties": {"config": None}}]
    }
    assert sync_triggers.listed(answer) == {"a": "", "b": ""}


# azure.yaml and the workflow


@pytest.mark.parametrize(
    ("hook", "script"), [("preprovision", "check_settings"), ("postdeploy", "sync_triggers")]
)
def test_both_systems_run_the_same_script_with_the_same_arguments(hook: str, script: str) -> None:
    posix, windows = hooks(hook)
    first, last = windows.splitlines()
    assert last == "exit $LASTEXITCODE", "or azd takes a failed script for a success"
    same = first.replace("python ", "python3 ").replace("$env:", "$")
    assert posix.replace('"', "") == same
    assert f"infra/{script}.py" in same
    given = set(re.findall(r"\$(\w+)", same))
    assert given <= {"AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", *read(INFRA / "main.bicep").outputs}


def test_a_bad_setting_ends_the_provision_before_it_begins() -> None:
    environment = {**FIRST, "AZURE_ENV_NAME": "a_b", "PATH": os.environ["PATH"]}
    hook = ["/bin/sh", "-c", hooks("preprovision")[0]]
    done = subprocess.run(hook, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert "AZURE_ENV_NAME" in done.stderr


def test_triggers_are_told_after_each_deployment_of_the_workflow() -> None:
    last = DEPLOY.rpartition("      - name: ")[2].partition("run: >-\n")[2].split()
    posix, _ = hooks("postdeploy")
    names = {
        "AZURE_SUBSCRIPTION_ID": "SUBSCRIPTION",
        "AZURE_RESOURCE_GROUP": "RESOURCE_GROUP",
        "FUNCTION_APP_NAME": "FUNCTION_APP",
    }
    assert last == [
        names.get(word.strip('"$'), word).join(('"$', '"')) if "$" in word else word for word in posix.split()
    ]
    assert DEPLOY.index("config-zip") < DEPLOY.index("sync_triggers.py")


def test_azd_is_new_enough_to_warn_before_it_deletes_a_group() -> None:
    assert re.search(r'^requiredVersions:\n(?:  #.*\n)?  azd: ">= 1\.25\.0"$', AZURE_YAML, re.MULTILINE)


def hooks(name: str) -> tuple[str, str]:
    """What a hook of azure.yaml runs, in sh and in pwsh."""
    text = AZURE_YAML.partition(f"\n  {name}:\n")[2]
    run = r"      run: \|\n((?: {8}.*\n)+)"
    found = re.match(rf"    posix:\n      shell: sh\n{run}    windows:\n      shell: pwsh\n{run}", text)
    assert found, name
    return textwrap.dedent(found[1]).strip(), textwrap.dedent(found[2]).strip()
