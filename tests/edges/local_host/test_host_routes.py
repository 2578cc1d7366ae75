"""Which function a path belongs to: `//` and slashes at the end as ASP.NET Core's matcher takes them."""

import pytest

from local.host.functions import Binding, DeclaredFunction
from local.host.routes import Routes

ROUTES = {
    "asset": "console/{*asset}",
    "domain": "domains/{domain}",
    "every": "{*path}",
    "domain_run": "domains/{domain}/runs/{runId?}",
}


def function(name: str, route: str) -> DeclaredFunction:
    return DeclaredFunction(
        name, name, Binding("httpTrigger", "req", False, {"route": route, "methods": ["GET"]}), ()
    )


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/console/a.js", ("asset", {"asset": "a.js"})),
        ("/api/console/a//b/", ("asset", {"asset": "a//b/"})),
        ("/api/console/", ("asset", {})),
        ("/api/console//a.js", ("every", {"path": "console//a.js"})),
        ("/api/domains//runs", ("every", {"path": "domains//runs"})),
        ("/API/Domains/x/", ("domain", {"domain": "x"})),
        ("/api/domains/x//", ("every", {"path": "domains/x//"})),
        ("/api/domains/a%2Fb", ("domain", {"domain": "a%2Fb"})),
        ("/api/domains/x/runs", ("domain_run", {"domain": "x"})),
        ("/api/domains/x/runs/7", ("domain_run", {"domain": "x", "runId": "7"})),
        ("/api", ("every", {})),
        ("/api//domains", None),
        ("//api/domains", None),
        ("/", None),
        ("/other", None),
    ],
)
def test_a_path_belongs_to_the_first_function_it_fits(
    path: str, found: tuple[str, dict[str, str]] | None
) -> None:
    routes = Routes([function(name, route) for name, route in ROUTES.items()], "api")

    match = routes.find("get", path)

    assert (match and (match[0].name, match[1])) == found


def test_a_method_that_nobody_takes_is_found_nowhere() -> None:
    assert Routes([function("domain", "domains/{domain}")], "api").find("BREW", "/api/domains/x") is None
