"""Prints the files of the pure middle, from import-linter's contract in pyproject.toml: they need full coverage."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from local.processes import REPOSITORY


def main() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (modules,) = (one["source_modules"] for one in contracts if one["name"].startswith("The pure middle"))
    print(",".join(str(path.relative_to(REPOSITORY)) for module in modules for path in _files(module)))


def _files(module: str) -> Iterator[Path]:
    path = REPOSITORY / module.replace(".", "/")
    yield from sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


if __name__ == "__main__":
    main()
