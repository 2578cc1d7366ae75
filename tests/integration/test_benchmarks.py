"""Every benchmark runs, at a size at which nothing can be said about time."""

import json
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from benchmarks import a_person, cold_start, creates, emulators, history, nothing_to_do, parsing, planning
from benchmarks.report import Row, Section, Target, as_json, document, markdown, missed, sections_of


@pytest.mark.parametrize(
    "measure",
    [
        pytest.param(partial(parsing.rows, users=1_500, sdk_users=3, runs=1), id="parsing"),
        pytest.param(partial(planning.rows, sizes=(200,), runs=1), id="planning"),
        pytest.param(partial(nothing_to_do.rows, sizes=(5, 10), script_up_to=5, runs=1), id="nothing to do"),
        pytest.param(partial(a_person.rows, sizes=(5,), runs=1), id="a person"),
        pytest.param(partial(creates.rows, creates=30, script_creates=3, runs=1), id="creates"),
        pytest.param(partial(history.rows, people=5_000, runs=1, days=2), id="history"),
        pytest.param(partial(cold_start.rows, runs=1), id="cold start"),
        pytest.param(partial(emulators.rows, users=10, batches=1, appends=2, runs=1), id="emulators"),
    ],
)
def test_a_benchmark_runs(measure: Callable[[], Sequence[Row]]) -> None:
    rows = measure()

    assert rows
    assert all(row.cpu_seconds is not None for row in rows)


def test_results_come_as_a_table_and_as_json_with_what_was_missed() -> None:
    rows = [
        Row(
            "fast",
            "benchmarks.x",
            5,
            0.0123,
            0.5,
            41.7,
            {"requests": 105.0},
            "3× less",
            (Target("< 1 s", True),),
        ),
        Row("slow", "benchmarks.x", 1, 12.0, targets=(Target("< 10 s", False),), note="once"),
    ]
    sections = [Section.of_today("Speed", rows)]

    table = markdown("Speed", rows).splitlines()
    content = json.loads(as_json(sections))

    cells = "fast | 12.3 ms | 500 ms | 42 MB | 105 requests | 3× less | ✓ < 1 s | 5"
    assert table[4] == f"| {cells} | `.venv/bin/python -m benchmarks.x` |"
    assert "| slow *(once)* | 12 s |" in table[5]
    assert document(sections).count("\n| ") == len(table) - 2
    assert content["sections"][0]["rows"][1]["targets"] == [{"text": "< 10 s", "met": False}]
    assert missed(sections) == ["slow: < 10 s"]
    assert as_json(sections_of(as_json(sections))) == as_json(sections)
