"""GitHub Actions: what is run is pinned, what it may do is little, and nothing it knows is a secret."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.infra.compiler import VERSION

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

all_workflows = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


@all_workflows
def test_actions_are_pinned_by_commit(path: Path) -> None:
    for used in re.findall(r"uses: (.+)", path.read_text()):
        assert used.startswith("./") or re.fullmatch(
            r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used
        ), used


@all_workflows
def test_nothing_is_stored_as_a_secret(path: Path) -> None:
    assert "secrets." not in path.read_text()


@all_workflows
def test_permissions_are_given_job_by_job(path: Path) -> None:
    text = path.read_text()
    top = re.search(r"^permissions:(.*\n(?:  .*\n)*)", text, re.MULTILINE)
    assert top
    assert top[1].split() in (["{}"], ["contents:", "read"])
    assert "write-all" not in text
    assert set(re.findall(r"(\S+): write", text)) <= {"id-token"}


def test_an_action_has_one_version_everywhere() -> None:
    used = {use for path in WORKFLOWS for use in re.findall(r"uses: ([^.\s]\S+)", path.read_text())}
    assert len({use.partition("@")[0] for use in used}) == len(used)


def test_tests_run_on_every_python_that_is_promised() -> None:
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    low, high = (int(minor) for minor in re.findall(r"3\.(\d+)", promised))
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    assert re.findall(r'"(3\.\d+)"', text) == [f"3.{minor}" for minor in range(low, high)]
    assert "make test" in text


def test_the_compiler_is_the_one_that_templates_are_written_for() -> None:
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    assert re.findall(r"az bicep install --version v([\d.]+)", text) == [VERSION]


def test_what_is_deployed_was_tested() -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    assert "uses: ./.github/workflows/test.yml" in text
    assert "needs: test" in text


def test_the_package_holds_what_the_app_runs_on_and_nothing_else() -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    packed = re.search(r"zip .*package\.zip (.+)", text)
    assert packed
    assert packed[1].split() == ["function_app.py", "host.json", "requirements.txt", "shared"]
