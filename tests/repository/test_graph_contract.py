"""The contract with Graph: its lines, what breaks it, and that a test session fails over it."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.entra.kinds import Kind
from local.entra.routes import ROUTES
from local.processes import REPOSITORY
from shared.entra.client import any_ends_with, any_equals, any_starts_with, ends_with, one_of, segment
from tests.support.graph_contract import Line, Sent, breaches, lines, plain, sdk_url

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("'@/?#&%+ ,"), min_size=1
)
FILTERS: list[Callable[[str], str]] = [
    lambda text: ends_with("userPrincipalName", text),
    lambda text: any_ends_with("proxyAddresses", text),
    lambda text: any_equals("proxyAddresses", [text, f"{text}x"]),
    lambda text: any_starts_with("identifierUris", [text, f"{text}x"]),
    lambda text: one_of("id", [text, f"{text}x"]),
]
KNOWN = {str(line.kind): line for line in lines()}


@pytest.mark.parametrize("line", lines(), ids=lambda line: str(line.kind))
class TestEachLine:
    def test_is_what_msgraph_sdk_makes_or_says_why_it_can_not(self, line: Line) -> None:
        url = _url_of(line)
        assert line.by_hand or plain(sdk_url(line.kind, url)) == plain(url)

    def test_has_its_reason_and_where_it_is_documented(self, line: Line) -> None:
        assert line.reason
        assert re.match(r"https://learn\.microsoft\.com/graph/\S+$|undocumented: .", line.source)

    def test_needs_of_the_emulator_what_it_says(self, line: Line) -> None:
        """The emulator's own lists are longer: wider permissions allow the same."""
        needs = {(route.method, re.sub(r"\{\w+\}", "{id}", route.template)): route.needs for route in ROUTES}
        for group in needs.get((line.kind.method, line.kind.path), ()):
            assert {line.least, line.granted} <= set(group)


def _url_of(line: Line) -> str:
    """A request of that kind."""
    path = line.kind.path.replace("{id}", "a%40contoso.com")
    query = line.kind.query.replace("$select", "$select=id,displayName").replace("$top", "$top=999")
    return f"{path}?{quote(query, safe='$=&(),:/')}" if query else path


class TestWhateverTheText:
    """The product's own encoding gives the same request as the SDK's."""

    @given(TEXTS.filter(lambda text: text not in (".", "..")))
    def test_in_a_path(self, text: str) -> None:
        url = f"/users/{segment(text)}?$select=id"
        assert plain(url) == plain(sdk_url(Kind("GET", "/users/{id}", "$select"), url))

    @given(TEXTS, st.sampled_from(FILTERS))
    def test_in_a_filter(self, text: str, filtered: Callable[[str], str]) -> None:
        url = f"/users?$filter={filtered(text)}"
        kind = Kind.of("GET", "/users", urlsplit(url).query, eventual=False)
        assert plain(url) == plain(sdk_url(kind, url))
        assert kind == Kind.of("GET", "/users", f"$filter={filtered('x')}", eventual=False)


class TestTheContractIsBroken:
    READ = KNOWN["GET /users/{id}?$select"]
    ADD = KNOWN["POST /users"]

    def test_by_nothing_that_it_lists(self) -> None:
        sent = [
            Sent(self.READ.kind, "/users/1?$select=id", "test_a"),
            Sent(self.ADD.kind, "/users", "test_b"),
        ]
        assert list(breaches(sent, [self.READ, self.ADD], whole=True)) == []

    def test_by_a_request_that_it_does_not_list(self) -> None:
        searching = Kind("GET", "/users", "$search=", eventual=True)
        (told,) = breaches([Sent(searching, "/users?$search=x", "test_a")], [self.READ], whole=False)
        assert told == "not in graph_contract.tsv: GET /users?$search= eventual, sent by test_a"

    def test_by_a_url_that_the_sdk_would_not_make(self) -> None:
        owners = KNOWN["GET /groups/{id}/owners?$select&$top"]
        sent = Sent(owners.kind, "/groups/1/owners?$select=id&$top=0999", "test_a")
        (told,) = breaches([sent], [owners], whole=False)
        assert told.startswith(f"sent by test_a: {sent.url}, where msgraph-sdk makes /groups/1/owners?")

    def test_by_a_line_that_nobody_sent_if_everything_ran(self) -> None:
        sent = [Sent(self.READ.kind, "/users/1?$select=id", "test_a")]
        assert list(breaches(sent, [self.READ, self.ADD], whole=False)) == []
        (told,) = breaches(sent, [self.READ, self.ADD], whole=True)
        assert told == "in graph_contract.tsv, and sent by nobody: POST /users"


SUITE = """
from tests.support.graph_client import connected
from tests.support.people import entra_user

async def test_documented() -> None:
    async with connected(entra_user("a@contoso.com")) as tenant:
        await tenant.graph().get("/users/a@contoso.com?$select=id")

async def test_other() -> None:
    async with connected() as tenant:
        await tenant.graph().get("{path}")
"""
IN_A_PROCESS = """
import os, signal, sys
from local.processes import ChildProcess
from shared.clock import Clock
from shared.entra.client import GraphClient
from shared.entra.tokens import EmulatorTokens

async def test_other() -> None:
    entra = ChildProcess([sys.executable, "-m", "local.entra", "--port", "0"])
    url = entra.wait_for(r"(http://127\\.0\\.0\\.1:\\d+)/v1.0")[1] + "/v1.0"
    client = GraphClient(url, EmulatorTokens(), Clock())
    await client.get(client.url("{path}"), {{}})
    await client.aclose()
    os.kill(entra.pid, signal.SIGKILL)
"""


class TestASession:
    """One of its own, over a suite of two tests."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\ntestpaths = suite\n")
        (tmp_path / "suite").mkdir()
        return tmp_path

    @staticmethod
    def run(folder: Path, suite: str, *arguments: str, workers: int = 0) -> tuple[int, str]:
        (folder / "suite" / "test_suite.py").write_text(suite)
        command = [
            sys.executable, "-m", "pytest", "-p", "tests.support.graph_recording", "-p", "no:cacheprovider",
            f"--numprocesses={workers}", "--dist=worksteal", *arguments,
        ]  # fmt: skip
        done = subprocess.run(  # noqa: S603 - pytest
            command,
            cwd=folder,
            env={"PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def test_of_a_part_passes_with_documented_requests(self, folder: Path) -> None:
        code, told = self.run(folder, SUITE.format(path="/domains?$select=id&$top=9"), "suite")
        assert (code, "contract" in told) == (0, False), told

    @pytest.mark.parametrize("workers", [0, 2])
    def test_fails_over_an_undocumented_one_and_names_its_test(self, folder: Path, workers: int) -> None:
        code, told = self.run(folder, SUITE.format(path="/users?$skip=5"), "suite", workers=workers)
        assert code == 1
        assert "2 passed" in told
        assert (
            "not in graph_contract.tsv: GET /users?$skip=5, sent by suite/test_suite.py::test_other" in told
        )

    def test_fails_over_a_path_that_does_not_exist(self, folder: Path) -> None:
        code, told = self.run(folder, SUITE.format(path="/shoes"), "suite")
        assert code == 1
        assert "not in graph_contract.tsv: GET /shoes, sent by" in told

    def test_sees_what_a_killed_process_was_sent(self, folder: Path) -> None:
        code, told = self.run(folder, IN_A_PROCESS.format(path="/users?$skip=5"), "suite")
        assert code == 1, told
        assert "not in graph_contract.tsv: GET /users?$skip=5, sent by a process of its own" in told

    @pytest.mark.parametrize(
        ("arguments", "whole"), [((), True), (("-k", "test"), False), (("suite",), False)]
    )
    def test_asks_for_every_line_only_if_everything_ran(
        self, folder: Path, arguments: tuple[str, ...], whole: bool
    ) -> None:
        code, told = self.run(folder, SUITE.format(path="/domains?$select=id&$top=9"), *arguments, workers=2)
        assert (code, "sent by nobody: POST /users\n" in told) == ((1, True) if whole else (0, False)), told
        assert "sent by nobody: GET /domains" not in told
