"""`make audit` says what a database knows of requirements.txt, and never that all is well without having asked."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

from local.processes import REPOSITORY, inherited_environment
from tools.audit import REQUIREMENTS, pinned

WEAKNESS = {
    "id": "GHSA-test",
    "affected": [
        {
            "package": {"name": "idna", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(f"idna=={version('idna')} --hash=sha256:{'0' * 64}\n")
    return path


class Database(HTTPServer):
    """An OSV database on loopback that answers every question alike."""

    answer: object = {}


class Question(BaseHTTPRequestHandler):
    server: Database

    def do_POST(self) -> None:
        content = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def database() -> Iterator[Database]:
    server = Database(("127.0.0.1", 0), Question)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def audit(requirements: Path, port: int) -> tuple[int, str]:
    url = f"http://127.0.0.1:{port}/v1/query"
    ended = subprocess.run(  # noqa: S603 - this repository's own command
        [sys.executable, "-m", "tools.audit", "--requirements", str(requirements), "--osv-url", url],
        cwd=REPOSITORY, env=inherited_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


def test_a_known_weakness_fails_it_and_says_what_fixes_it(requirements: Path, database: Database) -> None:
    database.answer = {"vulns": [WEAKNESS]}

    status, said = audit(requirements, database.server_port)

    assert (status, "GHSA-test (fixed in 99.1)" in said) == (1, True), said


def test_nothing_known_is_said_with_how_many_were_looked_up(requirements: Path, database: Database) -> None:
    database.answer = {}

    status, said = audit(requirements, database.server_port)

    assert (status, "1 packages looked up, 0 with known weaknesses" in said) == (0, True), said
    assert re.search(r"idna \S+: BSD", said)


def test_a_database_out_of_reach_is_never_good_news(requirements: Path) -> None:
    status, said = audit(requirements, 9)

    assert (status, "the database could not be asked" in said) == (2, True), said


def test_everything_that_azure_installs_is_pinned_by_hash() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)

    assert len(list(pinned(REQUIREMENTS))) == len(blocks)
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
