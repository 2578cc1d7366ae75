"""`make bench`: writes every benchmark's results to RESULTS.md and results.json. FULL=1 extrapolates nothing."""

import os
import sys
import time
from pathlib import Path

from benchmarks import cold_start, creates, emulators, history, nothing_to_do, parsing, planning
from benchmarks.report import as_json, document, markdown, missed

_FOLDER = Path(__file__).parent


def main() -> int:
    full = bool(os.environ.get("FULL"))
    started_at = time.monotonic()
    sections = []
    for benchmark in (parsing, planning, nothing_to_do, creates, history, cold_start, emulators):
        sections.append((benchmark.TITLE, benchmark.rows(full=full)))
        print(markdown(*sections[-1]), flush=True)
    (_FOLDER / "RESULTS.md").write_text(document(sections), encoding="utf-8")
    (_FOLDER / "results.json").write_text(as_json(sections), encoding="utf-8")
    print(f"All of it took {(time.monotonic() - started_at) / 60:.1f} minutes.")
    for target in missed(sections):
        print(f"Missed: {target}")
    return 1 if missed(sections) else 0


if __name__ == "__main__":
    sys.exit(main())
