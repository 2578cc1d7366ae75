"""How the code lies: rooms directly under shared/, and arrows between them, counted from the imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from local.processes import REPOSITORY

SHARED = REPOSITORY / "shared"
MOST_ROOMS, MOST_ARROWS = 18, 55


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """File → the files that it imports from."""
    graph = grimp.build_graph("shared", cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules - {"shared"}}


@pytest.fixture(scope="module")
def arrows(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Room → the rooms that it imports from."""
    found: dict[str, set[str]] = {_room(module): set() for module in imports}
    for module, imported in imports.items():
        found[_room(module)] |= {_room(each) for each in imported}
    return {room: imported - {room} for room, imported in found.items()}


def _room(module: str) -> str:
    return module.split(".")[1]


def test_there_are_few_rooms_and_arrows(arrows: dict[str, set[str]]) -> None:
    assert len(arrows) <= MOST_ROOMS
    assert sum(map(len, arrows.values())) <= MOST_ARROWS


def test_no_room_leads_back_to_itself(arrows: dict[str, set[str]]) -> None:
    assert _in_circles(arrows) == {}


def test_no_file_leads_back_to_itself(imports: dict[str, set[str]]) -> None:
    assert _in_circles(imports) == {}


def _in_circles(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left once what leads nowhere is taken away: circles, and what leads into them."""
    left = dict(arrows)
    while free := [name for name, imported in left.items() if not imported & left.keys()]:
        for name in free:
            del left[name]
    return left


def test_trigger_types_stay_in_function_app_and_http() -> None:
    """Everything else takes plain values, so that it can be tested and used without the platform."""
    elsewhere = [path for path in SHARED.rglob("*.py") if path.parent.name != "http"]
    assert [path for path in elsewhere if "azure.functions" in set(_imports(path))] == []


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
