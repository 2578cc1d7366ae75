"""What the host refuses to load, it names."""

# ruff: noqa: ARG001 - a trigger's argument is there whether the function looks at it or not

from pathlib import Path

import azure.functions as func
import pytest

from local.host.functions import AppError, declared_functions, load_app
from local.host.routes import Routes


def test_an_argument_without_a_binding_is_refused() -> None:
    app = func.FunctionApp()

    @app.route("x")
    async def x(req: func.HttpRequest, other: str) -> str:
        return other

    with pytest.raises(AppError, match="function x: no binding is called other"):
        declared_functions(app)


def test_a_binding_without_an_argument_is_refused() -> None:
    app = func.FunctionApp()

    @app.route("x")
    @app.queue_output("msg", "q", "AzureWebJobsStorage")
    async def x(req: func.HttpRequest) -> str:
        return ""

    with pytest.raises(AppError, match="function x: it takes no argument called msg"):
        declared_functions(app)


def test_an_app_may_be_read_more_than_once() -> None:
    app = func.FunctionApp()

    @app.route("x")
    async def x(req: func.HttpRequest) -> str:
        return ""

    assert declared_functions(app) == declared_functions(app)


@pytest.mark.parametrize(
    ("route", "complaint"),
    [("{id:even}", "knows no route constraint 'even'"), ("a{b", "cannot read the route 'api/a{b'")],
)
def test_a_route_that_cannot_be_read_is_refused(route: str, complaint: str) -> None:
    app = func.FunctionApp()

    @app.route(route)
    async def x(req: func.HttpRequest) -> str:
        return ""

    with pytest.raises(AppError, match=f"function x: .*{complaint}"):
        Routes(declared_functions(app), "api")


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
def test_a_constraint_decides_whose_path_it_is(constraint: str, fitting: str, other: str) -> None:
    app = func.FunctionApp()

    @app.route(f"{{value:{constraint}}}.json")
    async def x(req: func.HttpRequest) -> str:
        return ""

    routes = Routes(declared_functions(app), "api")

    found = routes.find("GET", f"/API/{fitting}.json")
    assert found is not None
    assert found[1] == {"value": fitting}
    assert routes.find("GET", f"/api/{other}.json") is None


def test_a_folder_without_function_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError, match=r"there is no .*function_app\.py"):
        load_app(tmp_path)
