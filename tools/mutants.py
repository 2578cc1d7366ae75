"""`make mutants`: mutation testing of the pure middle: every small change of its code must make a test fail.

mutmut skips decorated functions, two of which matter most. So it works on a copy in `.mutants/`, where
`@decorator def f` is written as `f = decorator(f)`.
"""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

COPY, MUTMUT = Path(".mutants"), Path(sys.executable).with_name("mutmut")
EQUIVALENT = Path("tests/equivalent_mutants.toml")


def main() -> int:
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in ("shared", "tests"):
        shutil.copytree(folder, COPY / folder, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    settings = Path(shutil.copy("pyproject.toml", COPY)).read_text()
    for name in tomllib.loads(settings)["tool"]["mutmut"]["only_mutate"]:
        (COPY / name).write_text(undecorated(Path(name).read_text()))
    subprocess.run([MUTMUT, "run"], cwd=COPY, check=True)  # noqa: S603

    groups = tomllib.loads(EQUIVALENT.read_text())["group"]
    explained = {mutant for group in groups for mutant in group["mutants"]}
    alive = dict(survivors())
    for mutant in sorted(alive.keys() ^ explained):
        print(f"Survives: {mutant}  ({alive[mutant]})" if mutant in alive else f"Does not survive: {mutant}")
    print(f"{len(alive)} survive; {EQUIVALENT} explains {len(explained)}.")
    return 0 if alive.keys() == explained else 1


def undecorated(source: str) -> str:
    """The same module with each decorator replaced by an assignment at the end."""
    lines, module = source.splitlines(), ast.parse(source)
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    for prefix, body in (("", module.body), *((f"{one.name}.", one.body) for one in classes)):
        for function in (node for node in body if isinstance(node, ast.FunctionDef)):
            for decorator in function.decorator_list:
                lines[decorator.lineno - 1] = ""
                lines.append(f"{prefix}{function.name} = {ast.unparse(decorator)}({prefix}{function.name})")
    return "\n".join((*lines, ""))


def survivors() -> Iterator[tuple[str, str]]:
    """For every mutant that no test kills: `module: changed line`, and mutmut's name for it."""
    for line in _mutmut("results").splitlines():
        name, status = line.strip().split(": ")
        if status != "timeout":
            diff = [row for row in _mutmut("show", name).splitlines() if row[:3] not in ("+++", "---")]
            changed = [row for row in diff if row[:1] == "+"] or [row for row in diff if row[:1] == "-"]
            yield f"{name.split('.')[-2]}: {' '.join(row[1:].strip() for row in changed)}", name


def _mutmut(*command: str) -> str:
    return subprocess.run([MUTMUT, *command], cwd=COPY, check=True, capture_output=True, text=True).stdout  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
