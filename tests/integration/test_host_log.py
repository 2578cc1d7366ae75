"""Of an app's log the host keeps what an invocation that is running writes, and nothing else."""

# ruff: noqa: ARG001 - a trigger's argument is there whether the function looks at it or not

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import azure.functions as func
import httpx
import pytest

from local.host import HostProcess, serve
from local.host.log import current_invocation, reaches_the_log
from tests.support.stack import NO_CERTIFICATES

_log = logging.getLogger("app")


class Kept(logging.Handler):
    """The lines that the host keeps, as written in this process."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.addFilter(reaches_the_log)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, level = Kept(), _log.level
    _log.setLevel(logging.DEBUG)
    _log.addHandler(handler)
    yield handler
    _log.removeHandler(handler)
    _log.setLevel(level)


async def call(app: func.FunctionApp, *names: str) -> list[str]:
    async with (
        serve(app, environ={}, host_json={}) as host,
        httpx.AsyncClient(base_url=host.url, verify=NO_CERTIFICATES) as http,
    ):
        return [(await http.get(f"/api/{name}")).text for name in names]


async def test_lines_of_the_function_and_of_the_tasks_it_starts_are_kept(kept: Kept) -> None:
    app = func.FunctionApp()

    async def child() -> None:
        _log.info("child")

    @app.route("x")
    async def x(req: func.HttpRequest) -> str:
        _log.info("itself")
        await asyncio.gather(child(), asyncio.create_task(child()))
        return ""

    @app.route("y")
    def y(req: func.HttpRequest) -> str:
        _log.info("in its thread")
        return ""

    await call(app, "x", "y")

    assert kept.lines == ["itself", "child", "child", "in its thread"]


async def test_lines_without_an_invocation_are_dropped(kept: Kept) -> None:
    app = func.FunctionApp()
    ended = asyncio.Event()
    late: list[asyncio.Task[None]] = []

    async def own_loop() -> None:
        _log.error("in a thread's own loop")

    async def outlives() -> None:
        await ended.wait()
        _log.error("after the function has ended")

    def callback() -> None:
        _log.error("in no task")

    @app.route("x")
    async def x(req: func.HttpRequest) -> str:
        thread = threading.Thread(target=_log.error, args=("in a plain thread",))
        thread.start()
        thread.join()
        await asyncio.to_thread(_log.error, "in to_thread")
        await asyncio.to_thread(asyncio.run, own_loop())
        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0)
        late.append(asyncio.create_task(outlives()))
        return ""

    _log.error("at import")
    await call(app, "x")
    ended.set()
    await late[0]

    assert kept.lines == []


async def test_debug_and_the_libraries_own_lines_are_dropped(kept: Kept) -> None:
    app = func.FunctionApp()

    @app.route("x")
    async def x(req: func.HttpRequest) -> str:
        _log.debug("details")
        _log.warning("a" * 300_000)
        return str(
            reaches_the_log(logging.makeLogRecord({"name": "azure.functions.x", "levelno": logging.ERROR}))
        )

    answers = await call(app, "x")

    assert kept.lines == ["a" * 300_000]
    assert answers == ["False"]


async def test_of_two_invocations_at_a_time_each_has_its_own() -> None:
    app = func.FunctionApp()
    both = asyncio.Barrier(2)

    @app.route("x")
    async def x(req: func.HttpRequest, context: func.Context) -> str:
        await both.wait()
        return str(current_invocation() == context.invocation_id)

    async with (
        serve(app, environ={}, host_json={}) as host,
        httpx.AsyncClient(base_url=host.url, verify=NO_CERTIFICATES) as http,
    ):
        answers = await asyncio.gather(http.get("/api/x"), http.get("/api/x"))

    assert [answer.text for answer in answers] == ["True", "True"]
    assert current_invocation() is None


APP = """
import logging
import azure.functions as func

app = func.FunctionApp()
logging.error("at import")

@app.route("x")
async def x(req: func.HttpRequest) -> str:
    logging.debug("details")
    logging.info("itself")
    return ""
"""


@pytest.mark.parametrize(
    ("settings", "host_json", "details"),
    [
        ({}, "{}", False),
        ({"PYTHON_ENABLE_DEBUG_LOGGING": "1"}, "{}", False),
        ({"PYTHON_ENABLE_DEBUG_LOGGING": "1"}, '{"logging": {"logLevel": {"default": "Debug"}}}', True),
        ({}, '{"logging": {"logLevel": {"default": "Debug"}}}', False),
    ],
)
def test_a_debug_line_takes_the_workers_setting_and_the_hosts(
    tmp_path: Path, settings: dict[str, str], host_json: str, details: bool
) -> None:
    (tmp_path / "function_app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "host.json").write_text(host_json, encoding="utf-8")

    with HostProcess(settings, root=tmp_path) as host:
        httpx.get(f"{host.url}/api/x", verify=NO_CERTIFICATES)
        host.wait_for("Executed x")

    assert "INFO root: itself" in host.output
    assert ("DEBUG root: details" in host.output) is details
    assert "at import" not in host.output
