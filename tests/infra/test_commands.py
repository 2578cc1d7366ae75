"""Every command of the documents is tried: none is misspelt, and deployment.md tells what each says when it fails."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from infra import sync_triggers
from infra.graph import grant
from tests.infra import recorder
from tests.infra.commands import COMMANDS
from tests.infra.documents import DOCS, Step, powershell_commands, powershell_variables, steps
from tools import smoke, tenant_check

ROOT = DOCS.parent
DEPLOYMENT = steps(DOCS / "deployment.md")
# Further documents that name commands, in lines of their own or in the text.
OTHERS = [ROOT / "README.md", ROOT / "README.ja.md", DOCS / "operations.md", DOCS / "configuration.md"]
PARSERS = {
    "infra/graph/grant.py": grant.command_line,
    "infra/sync_triggers.py": sync_triggers.command_line,
    "tools.smoke": smoke.command_line,
    "tools.tenant_check": tenant_check.command_line,
}
every_step = pytest.mark.parametrize("step", DEPLOYMENT, ids=lambda step: f"line {step.line}")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    recorder.install(tmp_path)
    return tmp_path


@every_step
def test_in_bash_every_command_is_one_that_exists(step: Step, programs: Path) -> None:
    assert _run(step.bash, programs)


@every_step
def test_in_powershell_the_same_commands_are_given(step: Step, programs: Path) -> None:
    pythons = {"python": "python3", ".venv/Scripts/python": ".venv/bin/python"}
    commands = [[pythons.get(first, first), *rest] for first, *rest in powershell_commands(step.powershell)]
    assert sorted(commands) == sorted(_run(step.bash, programs))
    set_ = {*re.findall(r"([A-Z][A-Z_]+)=", step.bash), *re.findall(r"read -rs (\w+)", step.bash)}
    assert powershell_variables(step.powershell) == set_


@every_step
def test_what_it_says_when_it_fails_stands_after_it(step: Step) -> None:
    told = step.after.partition("\n\n")[0]
    assert told.startswith("*If it fails:* "), told[:80]


def test_every_way_to_fail_that_our_own_scripts_name_is_one_they_have() -> None:
    text = (DOCS / "deployment.md").read_text(encoding="utf-8")
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "infra").rglob("*.py"))
    plain = re.sub(r'"\s+f?"', "", scripts)
    for words in (
        "must be set for the first deployment",
        "must be set with SOURCE=csv",
        "are not in step",
        "not known yet: ",
        "holds its name for 30 days",
        "property uniqueName already exists",
    ):
        assert words in text
        assert words in plain


@pytest.mark.parametrize("document", OTHERS, ids=lambda path: path.name)
def test_commands_in_other_documents_exist_too(document: Path) -> None:
    text = document.read_text(encoding="utf-8").replace(" \\\n", " ")
    of_their_own = re.findall(r"^ {4,}((?:az|azd) .+)$", text, re.MULTILINE)
    in_the_text = [span for span in re.findall(r"`((?:az|azd) [^`]+)`", text) if len(span.split()) > 2]
    for line in (*of_their_own, *in_the_text):
        for command in line.split(" && "):
            recorder.understood(shlex.split(command, comments=True))


@pytest.mark.parametrize(
    "command",
    [
        "az grup create --name a --location b",
        "az group create --nam a --location b",
        "az group create --name a",
        "az group create --name --location b",
        "az functionapp restart now --name a",
        "azd env set ONE",
        "azd provision --preview=yes",
        "gh variable put A",
    ],
)
def test_the_stand_in_refuses_what_the_program_would_refuse(command: str) -> None:
    with pytest.raises(recorder.Misspelt):
        recorder.understood(command.split())


@pytest.mark.parametrize(
    "script",
    [
        "az rest --body {a}",
        "az login `\n  --tenant a",
        "az login --tenant $tenant",
        "az login @file",
        'az a "b $c"',
        "az a'b'",
    ],
)
def test_what_powershell_would_read_otherwise_is_refused(script: str) -> None:
    with pytest.raises(AssertionError):
        powershell_commands(script)


def test_no_known_command_is_one_that_no_document_uses() -> None:
    everything = " ".join(
        re.sub(r"\s+", " ", path.read_text(encoding="utf-8")) for path in (*OTHERS, DOCS / "deployment.md")
    )
    assert [name for name in COMMANDS if name not in everything] == []


def _run(script: str, programs: Path) -> list[list[str]]:
    """What a script starts; asserts that each is a command that exists."""
    done = subprocess.run(  # noqa: S603
        ["/bin/bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=programs,
        env={"PATH": str(programs), "HOME": str(programs)},
        input="pasted\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    commands = recorder.recorded(programs)
    for program, *words in commands:
        if program.endswith(("python3", "/python")):
            _parsed(words)
    return commands


def _parsed(words: list[str]) -> None:
    """Asserts that one of our own scripts takes these words."""
    if words[:2] == ["-m", "zipfile"]:
        assert all((ROOT / name).exists() for name in words[4:])
        return
    script, *arguments = words[1:] if words[0] == "-m" else words
    if script == "infra/check_settings.py":
        assert arguments == []
    else:
        PARSERS[script]().parse_args(arguments)
