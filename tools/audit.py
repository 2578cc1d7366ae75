"""`make audit`: known vulnerabilities of the packages that Azure installs (requirements.txt), and their licences.

Exit status: 0 no known vulnerability, 1 at least one, 2 unknown because the database did not answer.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from local.processes import REPOSITORY

REQUIREMENTS = REPOSITORY / "requirements.txt"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.audit", description=__doc__)
    parser.add_argument("--requirements", type=Path, default=REQUIREMENTS)
    parser.add_argument("--osv-url", help="an OSV database other than the public one")
    options = parser.parse_args()
    print("Licences\n")
    for name, version in pinned(options.requirements):
        print(f"  {name} {version}: {licence(name)}")
    print("\nKnown weaknesses\n")
    return weaknesses(options.requirements, options.osv_url)


def pinned(requirements: Path) -> Iterator[tuple[str, str]]:
    """(name, version) of every package in the file."""
    text = requirements.read_text(encoding="utf-8")
    yield from re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)


def licence(name: str) -> str:
    """The licence from the installed package's metadata."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return "not installed on this platform"
    expression, free_text, classifiers = (
        said.get_all(name, []) for name in ("License-Expression", "License", "Classifier")
    )
    first_lines = [text.strip().partition("\n")[0][:60] for text in free_text]
    names = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License ::")]
    return ", ".join(expression or list(filter(None, first_lines)) or names) or "says nothing"


def weaknesses(requirements: Path, osv_url: str | None) -> int:
    """Prints the known vulnerabilities; returns the exit status."""
    database = ["--vulnerability-service", "osv", *(["--osv-url", osv_url] if osv_url else [])]
    asked = subprocess.run(  # noqa: S603 - the pinned pip-audit, with arguments from here
        [
            sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--disable-pip",
            "--require-hashes", "--format", "json", "--progress-spinner", "off", *database,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        found: Sequence[dict[str, object]] = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"  Not known: the database could not be asked, so this says nothing about safety. ({why})")
        return 2
    bad = [package for package in found if package.get("vulns")]
    for package in bad:
        print(f"  {package['name']} {package['version']}: {', '.join(_ids(package['vulns']))}")
    skipped = [package for package in found if "skip_reason" in package]
    for package in skipped:
        print(f"  {package['name']}: not looked up ({package['skip_reason']})")
    print(f"  {len(found) - len(skipped)} packages looked up, {len(bad)} with known weaknesses.")
    return 1 if bad else 2 if skipped else 0


def _ids(vulnerabilities: object) -> list[str]:
    assert isinstance(vulnerabilities, list)  # noqa: S101 - pip-audit's own format
    return [
        f"{one['id']} (fixed in {', '.join(one['fix_versions']) or 'nothing yet'})" for one in vulnerabilities
    ]


if __name__ == "__main__":
    sys.exit(main())
