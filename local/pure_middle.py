"""Names the files of the pure middle, as pyproject.toml does for import-linter: no line of them may go untested."""

import tomllib

from local.processes import REPOSITORY


def main() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (modules,) = (one["source_modules"] for one in contracts if one["name"].startswith("The pure middle"))
    print(",".join(f"{module.replace('.', '/')}.py" for module in modules))


if __name__ == "__main__":
    main()
