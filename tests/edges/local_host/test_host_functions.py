"""What Microsoft's worker library refuses to load, the host refuses and names."""

# ruff: noqa: ARG001 - a trigger's argument is there whether the function looks at it or not

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import List, Sequence  # noqa: UP035 - what the worker takes

import azure.functions as func
import pytest

from local.host.functions import AppError
from local.host.routes import Routes
from local.host.worker import Worker


async def test_an_argument_without_a_binding_is_refused() -> None:
    app = func.FunctionApp()

    @app.route("x")
    async def x(req: func.HttpRequest, other: str) -> str:
        return other

    with pytest.raises(AppError, match=r"cannot load the x function: .*\{'other'\}"):
        await Worker.of(app)


async def test_a_binding_without_an_argument_is_refused() -> None:
    app = func.FunctionApp()

    @app.route("x")
    @app.queue_output("msg", "q", "AzureWebJobsStorage")
    async def x(req: func.HttpRequest) -> str:
        return ""

    with pytest.raises(AppError, match=r"cannot load the x function: .*\{'msg'\}"):
        await Worker.of(app)


def sending(annotation: object) -> func.FunctionApp:
    """An app whose queue output has this annotation."""
    app = func.FunctionApp()

    async def send(timer: func.TimerRequest, messages: object) -> None: ...

    send.__annotations__["messages"] = annotation
    app.timer_trigger("timer", "0 0 * * * *")(app.queue_output("messages", "q", "AzureWebJobsStorage")(send))
    return app


@pytest.mark.parametrize("annotation", [func.Out[list[str]], func.Out[tuple[str, ...]], list[str]], ids=repr)
async def test_a_built_in_generic_in_an_annotation_is_refused(annotation: object) -> None:
    with pytest.raises(AppError, match="binding messages has invalid non-type annotation"):
        await Worker.of(sending(annotation))


@pytest.mark.parametrize(
    "annotation",
    [func.Out[str], func.Out[List[str]], func.Out[Sequence[str]]],  # noqa: UP006
    ids=repr,
)
async def test_what_the_worker_takes_as_an_annotation_is_taken(annotation: object) -> None:
    (send,) = (await Worker.of(sending(annotation))).functions

    assert [output.name for output in send.outputs] == ["messages"]


async def test_a_function_that_returns_what_http_cannot_take_is_refused() -> None:
    app = func.FunctionApp()

    @app.route("x")
    async def x(req: func.HttpRequest) -> None: ...

    with pytest.raises(AppError, match='return annotation "NoneType" does not match'):
        await Worker.of(app)


async def test_of_two_apps_in_one_process_each_keeps_its_own_functions() -> None:
    first, second = func.FunctionApp(), func.FunctionApp()
    for app, route in ((first, "one"), (second, "two")):

        @app.function_name("same")
        @app.route(route)
        async def same(req: func.HttpRequest) -> str:
            return ""

    workers = [await Worker.of(app) for app in (first, second)]

    assert [worker.functions[0].trigger.text("route") for worker in workers] == ["one", "two"]


async def test_a_module_with_two_apps_is_refused() -> None:
    module = ModuleType("function_app")
    vars(module).update(one=func.FunctionApp(), other=func.FunctionApp())

    with pytest.raises(AppError, match="More than one"):
        await Worker.of(module)


async def test_no_module_is_left_behind_under_the_apps_name() -> None:
    before = sys.modules.get("function_app")

    await Worker.of(sending(func.Out[str]))

    assert sys.modules.get("function_app") is before


@pytest.mark.parametrize(
    ("route", "complaint"),
    [("{id:even}", "knows no route constraint 'even'"), ("a{b", "cannot read the route 'api/a{b'")],
)
async def test_a_route_that_cannot_be_read_is_refused(route: str, complaint: str) -> None:
    with pytest.raises(AppError, match=f"function x: .*{complaint}"):
        await routes(route)


@pytest.mark.parametrize(
    ("constraint", "fitting", "other"),
    [
        ("alpha", "abc", "a1"),
        ("guid", "0b0a5c3e-6c3f-4a52-9ab0-111111111111", "0b0a"),
        ("int", "-12", "1.5"),
        ("minlength(3)", "abc", "ab"),
        ("maxlength(3)", "abc", "abcd"),
        ("regex(^a.c$)", "abc", "abd"),
        ("alpha:maxlength(2)", "ab", "abc"),
    ],
)
async def test_a_constraint_decides_whose_path_it_is(constraint: str, fitting: str, other: str) -> None:
    found = (await routes(f"{{value:{constraint}}}.json")).find("GET", f"/API/{fitting}.json")

    assert found is not None
    assert found[1] == {"value": fitting}
    assert (await routes(f"{{value:{constraint}}}.json")).find("GET", f"/api/{other}.json") is None


async def routes(route: str) -> Routes:
    app = func.FunctionApp()

    @app.route(route)
    async def x(req: func.HttpRequest) -> str:
        return ""

    return Routes((await Worker.of(app)).functions, "api")


async def test_a_folder_without_function_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError, match=re.escape(f"there is no {tmp_path / 'function_app.py'}")):
        await Worker.load(tmp_path)
