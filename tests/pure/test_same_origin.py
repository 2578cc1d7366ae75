"""A page of another site can't change anything through an administrator's browser."""

import pytest

from shared.http.problems import Problem
from shared.http.same_origin import require_same_origin

HOST = {"Host": "sync.example"}
OWN_PAGE = {**HOST, "Origin": "https://sync.example", "X-Requested-With": "console"}


def test_the_apps_own_page_may_change_things() -> None:
    require_same_origin({**OWN_PAGE, "Sec-Fetch-Site": "same-origin", "Cookie": "AppServiceAuthSession=x"})


def test_a_script_says_nothing_of_an_origin() -> None:
    require_same_origin(HOST)


@pytest.mark.parametrize(
    "headers",
    [
        {**OWN_PAGE, "Origin": "https://evil.example"},
        {**OWN_PAGE, "Origin": "https://sync.example.evil.example"},
        {**OWN_PAGE, "Origin": "https://evil.example/sync.example"},
        {**OWN_PAGE, "Origin": "https://sync.example@evil.example"},
        {**OWN_PAGE, "Origin": "https://sync.example:8443"},
        {**OWN_PAGE, "Origin": "null"},
        {**OWN_PAGE, "Origin": "http://["},
        {**OWN_PAGE, "Sec-Fetch-Site": "cross-site"},
        {**OWN_PAGE, "Sec-Fetch-Site": "same-site"},
        {**HOST, "Cookie": "AppServiceAuthSession=x"},
        {**HOST, "Cookie": "AppServiceAuthSession=x", "X-Requested-With": "console"},
        {**HOST, "Sec-Fetch-Site": "same-origin", "X-Requested-With": "console"},
        {"Origin": "https://sync.example", "X-Requested-With": "console"},
    ],
)
def test_a_browser_that_comes_from_elsewhere_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as raised:
        require_same_origin(headers)

    assert (raised.value.status, raised.value.title) == (403, "Request from another site")


def test_a_browser_without_the_pages_own_header_is_refused() -> None:
    with pytest.raises(Problem, match="Header missing") as raised:
        require_same_origin({**HOST, "Origin": "https://sync.example"})

    assert "X-Requested-With" in raised.value.detail
