"""Plants each fault in a copy of the app and simulates until it is found. Exit status 1 if one is not found, or does
not apply.

    python -m tests.simulation.planted --hours 2000 [name …]
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.processes import REPOSITORY

PATCHES = Path(__file__).parent
# What shows in one kind of meeting alone is looked for there.
AMBUSHES = {
    "approval-releases-everything": "approved_leavers",
    "approved-under-other-settings": "approved_leavers",
    "blocked-again": "kept",
    "blocks-in-doubt-are-not-ours": "waits",
    "blocks-of-the-day-not-counted": "kept",
    "clocks-never-differ": "created_and_corrected",
    "created-not-linked": "created_and_corrected",
    "damaged-snapshot-used": "back_in_time",
    "deletions-of-the-gone-count-as-ours": "gone_by_hand",
    "doubts-are-successes": "silence",
    "doubts-given-up": "cancelled_in_doubt",
    "due-limit-not-heeded": "due_together",
    "facts-of-the-copy-believed": "another_account_meanwhile",
    "first-page-is-all": "roles_unread",
    "half-answer-is-last-page": "half_an_answer",
    "hours-equal-by-the-source-alone": "at_rest",
    "immutable-ids-cleared": "blind",
    "leavers-changed-unnoticed": "changed_before_it_goes",
    "left-aside": "aside",
    "limit-for-each-invocation": "two_waves_of_leavers",
    "lost-link-is-no-change": "lost_link",
    "others-accounts-claimed": "quicker_by_hand",
    "protection-not-looked-at-again": "changed_before_it_goes",
    "restored-stay-blocked": "returned",
    "return-forgets-the-block": "waits",
    "roles-unread-is-permission": "roles_unread",
    "shrink-not-counted": "shrunk",
    "signed-out-though-refused": "blind",
    "superseded-invocation-goes-on": "overtaken",
    "undo-forces": "undone",
    "undo-unconfirmed": "returned",
    "unlisted-accounts-are-gone": "corrected_at_once",
}
_COPIED = ("shared", "local", "tests")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("--hours", type=int, default=20_000)
    parser.add_argument("--seed", default="planted")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    names = arguments.names or sorted(patch.stem for patch in PATCHES.glob("*.patch"))
    missed = 0
    for name in names:
        found = look_for(name, arguments.hours, arguments.seed, arguments.jobs)
        missed += not found.startswith("found")
        sys.stdout.write(f"{name}: {found}\n")
        sys.stdout.flush()
    return 1 if missed else 0


def look_for(name: str, hours: int, seed: str, jobs: int) -> str:
    """What became of it, in words."""
    with tempfile.TemporaryDirectory() as folder:
        for part in _COPIED:
            shutil.copytree(
                REPOSITORY / part,
                Path(folder) / part,
                ignore=shutil.ignore_patterns("node_modules", "__pycache__"),
            )
        planted = subprocess.run(  # noqa: S603 - a patch of this repository
            ["git", "apply", str(PATCHES / f"{name}.patch")],  # noqa: S607
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if planted.returncode:
            return f"does not apply: {planted.stderr.strip()}"
        done = subprocess.run(  # noqa: S603 - this repository's own module
            [sys.executable, "-m", "tests.simulation", "--hours", str(hours), "--seed", seed, "--jobs", str(jobs),
             "--until-found", "--complete-after", str(2 * hours),
             *(("--ambush", AMBUSHES[name]) if name in AMBUSHES else ())],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    lines = done.stdout.splitlines()
    if not lines or not lines[-1].startswith("simulated"):
        said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        return f"the simulation failed: {said[-1]}"
    if not done.returncode:
        return f"not found in {hours} hours"
    return f"found: {lines[0]} ({lines[-1].partition(',')[0]})"


if __name__ == "__main__":
    sys.exit(main())
