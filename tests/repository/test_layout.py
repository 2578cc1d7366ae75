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
def arrows() -> dict[str, set[str]]:
    """Room → the rooms that it imports from."""
    graph = grimp.build_graph("shared", cache_dir=None)
    found: dict[str, set[str]] = {_room(module): set() for module in graph.modules if module != "shared"}
    for module in graph.modules - {"shared"}:
        for imported in graph.find_modules_directly_imported_by(module):
            found[_room(module)].add(_room(imported))
    return {room: imported - {room} for room, imported in found.items()}


def _room(module: str) -> str:
    return module.split(".")[1]


def test_there_are_few_rooms_and_arrows(arrows: dict[str, set[str]]) -> None:
    assert len(arrows) <= MOST_ROOMS
    assert sum(map(len, arrows.values())) <= MOST_ARROWS


def test_no_room_leads_back_to_itself(arrows: dict[str, set[str]]) -> None:
    left = dict(arrows)
    while free := [room for room, imported in left.items() if not imported & left.keys()]:
        for room in free:
            del left[room]
    assert left == {}


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
