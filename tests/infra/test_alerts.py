"""Alerts ask for lines, fields and words that the app really writes."""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.log import facts
from shared.records import DeletionCheck, Mode, Run, Status, Trigger
from tests.infra.bicep import INFRA, Expression, Value, dig, read

ROOT = INFRA.parent
QUERIES = sorted((INFRA / "alerts").glob("*.kql"))
ON_LINES_OF_THE_APP = [path for path in QUERIES if "AppTraces" in path.read_text(encoding="utf-8")]

STOPPED_BY_THE_LIMIT = Run(
    id="run",
    domain="contoso.com",
    mode=Mode.SYNC,
    trigger=Trigger.SCHEDULE,
    requested_by="schedule",
    status=Status.CANCELLED,
    created_at=datetime.now(UTC),
    deletion_check=DeletionCheck(
        deletions=65, target=100, percent=65, max_allowed_deletions=65, exceeded=True
    ),
)

of_the_app = pytest.mark.parametrize("path", ON_LINES_OF_THE_APP, ids=lambda path: path.stem)


def test_every_query_has_its_alert() -> None:
    assert {path.stem for path in QUERIES} == set(_alerts())


def test_an_alert_is_named_after_the_query_it_runs() -> None:
    for name, alert in _alerts().items():
        assert dig(alert, "query") == Expression(f"loadTextContent('alerts/{name}.kql')")


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_gives_the_column_that_its_alert_names(path: Path) -> None:
    dimension = str(dig(_alerts()[path.stem], "dimension"))
    projected = _query(path).strip().splitlines()[-1]
    assert re.search(rf"^\| project (?:.*, )?{dimension}(?: =|,|$)", projected)


@of_the_app
def test_a_query_asks_for_events_that_the_app_writes(path: Path) -> None:
    assert _events(path) <= set(_written())


@of_the_app
def test_a_query_reads_fields_that_its_events_have(path: Path) -> None:
    written = _written()
    fields = set().union(*(written[event] for event in _events(path))) | {"event"}
    assert set(re.findall(r"\bline\.(\w+)", _query(path))) <= fields


@of_the_app
def test_a_query_compares_with_words_that_the_app_uses(path: Path) -> None:
    words = {*(status.value for status in Status), *(mode.value for mode in Mode)}
    compared = re.findall(r"(?:status|mode)\)? (?:==|in) (\(.*?\)|\"\w+\")", _query(path))
    assert {word for group in compared for word in re.findall(r"\"(\w+)\"", group)} <= words


def test_a_run_that_a_limit_stopped_is_one_that_nobody_asked_to_cancel() -> None:
    line = json.loads(json.dumps(facts(STOPPED_BY_THE_LIMIT)))
    assert (line["status"], line["runId"]) == ("cancelled", STOPPED_BY_THE_LIMIT.id)
    query = _query(INFRA / "alerts" / "run-failed.kql")
    assert 'status == "cancelled" and runId !in (askedFor)' in query
    assert "runId" in _written()["run.cancelRequested"]


def test_the_watch_for_good_runs_is_as_long_as_the_alert_says() -> None:
    alert = _alerts()["no-good-run"]
    assert "ago(3h)" in _query(INFRA / "alerts" / "no-good-run.kql")
    assert "3 hours" in str(dig(alert, "description"))
    assert dig(alert, "window") == "P1D", "as far back as the query looks for the last tick"


def test_the_first_deployment_is_not_refused_for_tables_that_are_still_empty() -> None:
    assert (
        dig(read(INFRA / "alerts.bicep").resources["rule"].body, "properties", "skipQueryValidation") is True
    )


def _alerts() -> dict[str, Value]:
    rules = read(INFRA / "alerts.bicep").variables["rules"]
    assert isinstance(rules, list)
    return {str(dig(rule, "name")): rule for rule in rules}


def _query(path: Path) -> str:
    return "\n".join(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("//")
    )


def _events(path: Path) -> set[str]:
    return set(re.findall(r"\"([a-z]+\.[a-zA-Z]+)\"", _query(path)))


def _written() -> dict[str, set[str]]:
    """The events that the app's source writes with `log.event`, and the fields it gives each."""
    written: dict[str, set[str]] = {}
    for path in (ROOT / "shared").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and _called(call) == "event" and call.args:
                name = call.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    written.setdefault(name.value, set()).update(_fields(call))
    return written


def _fields(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Call) and _called(keyword.value) == "facts":
            yield from facts(STOPPED_BY_THE_LIMIT)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
