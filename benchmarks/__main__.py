"""`make bench`: writes every benchmark's results to RESULTS.md and results.json. FULL=1 extrapolates nothing.

    python -m benchmarks [name …]

Those that are not named keep what they said: what is compared stands within one section, and is measured together.
"""

import os
import sys
import time
from pathlib import Path

from benchmarks import (
    a_person,
    cold_start,
    creates,
    emulators,
    history,
    idle_hour,
    nothing_to_do,
    parsing,
    planning,
)
from benchmarks.report import Section, as_json, document, markdown, missed, sections_of

_BENCHMARKS = (
    parsing, planning, nothing_to_do, idle_hour, a_person, creates, history, cold_start, emulators,
)  # fmt: skip
_FOLDER = Path(__file__).parent
_TABLES, _FIGURES = _FOLDER / "RESULTS.md", _FOLDER / "results.json"


def main(names: list[str]) -> int:
    full = bool(os.environ.get("FULL"))
    started_at = time.monotonic()
    sections = {section.title: section for section in sections_of(_FIGURES.read_text(encoding="utf-8"))}
    chosen = [one for one in _BENCHMARKS if not names or one.__name__.rpartition(".")[2] in names]
    for benchmark in chosen:
        rows = benchmark.rows(full=full)
        print(markdown(benchmark.TITLE, rows), flush=True)
        sections[benchmark.TITLE] = Section.of_today(benchmark.TITLE, rows)
        # Each as it ends: all of them take long.
        _write([sections[one.TITLE] for one in _BENCHMARKS if one.TITLE in sections])
    found = [sections[one.TITLE] for one in chosen]
    print(f"All of it took {(time.monotonic() - started_at) / 60:.1f} minutes.")
    for target in missed(found):
        print(f"Missed: {target}")
    return 1 if missed(found) else 0


def _write(sections: list[Section]) -> None:
    _TABLES.write_text(document(sections), encoding="utf-8")
    _FIGURES.write_text(as_json(sections), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
