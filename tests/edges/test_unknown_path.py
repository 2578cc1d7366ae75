"""What no function takes: 404, or 405 with the methods that the path takes."""

import asyncio
import json

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.routes import Routes
from local.host.worker import Worker
from shared.http.endpoints import unknown_path
from tests.support.stack import load_app

SETTINGS = {"AzureWebJobsStorage": "x", "HENNGE_CLIENT_ID": "x", "HENNGE_CLIENT_SECRET": "x"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PIECES = st.sampled_from(
    [
        "",
        "domains",
        "Domains",
        "contoso.com",
        "runs",
        "1",
        "cancel",
        "undo",
        "console",
        "app.js",
        "health",
        "\n",
    ]
)
PATHS = st.lists(PIECES, min_size=1, max_size=7).map("/".join)


@pytest.fixture(scope="module")
def routes() -> Routes:
    functions = asyncio.run(Worker.of(load_app(SETTINGS))).functions
    return Routes([function for function in functions if function.trigger.type == "httpTrigger"], "api")


def answer(method: str, path: str) -> func.HttpResponse:
    return unknown_path(func.HttpRequest(method, "/", route_params={"path": path}, body=b""))


@given(method=st.sampled_from(METHODS), path=PATHS)
def test_no_method_is_refused_where_it_is_taken(routes: Routes, method: str, path: str) -> None:
    found = routes.find(method, f"/api/{path}")
    if found is None or found[0].name != "unknown_path":
        return

    refused = answer(method, found[1].get("path", ""))

    taken = [other for other in METHODS if routes.find(other, f"/api/{path}") not in (None, found)]
    assert refused.headers.get("Allow", "") == ", ".join(sorted(taken))
    assert refused.status_code == (405 if taken else 404)


def test_a_double_slash_before_an_asset_is_no_asset() -> None:
    refused = answer("GET", "console//app.js")

    assert (refused.status_code, json.loads(refused.get_body())["title"]) == (404, "Not Found")


def test_a_path_in_other_letters_takes_the_same_methods() -> None:
    assert answer("POST", "DOMAINS/x").headers["Allow"] == "GET, PATCH"
