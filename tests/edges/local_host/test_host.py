"""The functions host runs an app's triggers as Azure Functions does."""

# ruff: noqa: ARG001 - a trigger's argument is there whether the function looks at it or not

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import List, TypeVar  # noqa: UP035 - what the worker takes
from uuid import uuid4

import azure.functions as func
import pytest
from aiohttp import ClientSession
from azure.storage.queue.aio import QueueClient

from local.azurite import Azurite
from local.host import HostProcess, Limits, serve

T = TypeVar("T")

FAST = {"extensions": {"queues": {"maxPollingInterval": "00:00:00.2"}}}


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def environ(azurite: Azurite) -> dict[str, str]:
    return {"AzureWebJobsStorage": azurite.connection_string, "QUEUE": f"runs-{uuid4()}"}


def queue(environ: dict[str, str]) -> QueueClient:
    return QueueClient.from_connection_string(environ["AzureWebJobsStorage"], environ["QUEUE"])


async def call(url: str, method: str = "GET", **options: object) -> tuple[int, str]:
    async with ClientSession() as session, session.request(method, url, **options) as answer:  # type: ignore[arg-type]
        return answer.status, await answer.text()


async def next_of(seen: asyncio.Queue[T]) -> T:
    return await asyncio.wait_for(seen.get(), 60)


class TestHttpTriggers:
    async def test_a_function_sees_the_request_as_the_python_worker_shows_it(self) -> None:
        app = func.FunctionApp()

        @app.route("domains/{domain}/runs/{runId?}", methods=["POST"])
        async def runs(req: func.HttpRequest) -> func.HttpResponse:
            return func.HttpResponse(
                json.dumps(
                    {
                        "method": req.method,
                        "url": req.url,
                        "route": dict(req.route_params),
                        "query": dict(req.params),
                        "header": req.headers["X-Requested-By"],
                        "body": req.get_json(),
                    }
                ),
                mimetype="application/json",
            )

        async with serve(app, environ={}, host_json={}) as host:
            url = f"{host.url}/api/domains/Contoso.com/runs/7%2F8?limit=5&limit=6&empty="
            status, text = await call(url, "POST", json={"a": 1}, headers={"x-requested-by": "me"})

        assert status == 200
        assert json.loads(text) == {
            "method": "POST",
            "url": url.replace("7%2F8", "7%2F8"),
            "route": {"domain": "Contoso.com", "runId": "7%2F8"},
            "query": {"limit": "5,6"},
            "header": "me",
            "body": {"a": 1},
        }

    async def test_a_response_keeps_its_status_headers_and_content_type(self) -> None:
        app = func.FunctionApp()

        @app.route("hello")
        async def hello(req: func.HttpRequest) -> func.HttpResponse:
            return func.HttpResponse("héllo", status_code=202, headers={"Location": "/x", "Retry-After": "2"})

        async with serve(app, environ={}, host_json={}) as host, ClientSession() as session:
            answer = await session.get(f"{host.url}/api/hello")

            assert (answer.status, answer.headers["Location"]) == (202, "/x")
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert await answer.text() == "héllo"

    @pytest.mark.parametrize(("method", "path"), [("DELETE", "/api/known"), ("GET", "/api/unknown")])
    async def test_a_wrong_method_is_not_found_like_an_unknown_path(self, method: str, path: str) -> None:
        app = func.FunctionApp()

        @app.route("known", methods=["GET"])
        async def known(req: func.HttpRequest) -> str:
            return "here"

        async with serve(app, environ={}, host_json={}) as host:
            assert await call(host.url + path, method) == (404, "")

    async def test_of_two_routes_that_fit_the_function_first_by_name_answers(self) -> None:
        app = func.FunctionApp()

        @app.route("users/{*rest}")
        async def b_rest(req: func.HttpRequest) -> str:
            return f"rest {req.route_params.get('rest')}"

        @app.route("users/{id:int}")
        async def a_number(req: func.HttpRequest) -> str:
            return f"number {req.route_params['id']}"

        @app.route("users/recent")
        async def c_recent(req: func.HttpRequest) -> str:
            return "never reached"

        async with serve(app, environ={}, host_json={}) as host:
            assert await call(f"{host.url}/api/users/7/") == (200, "number 7")
            assert await call(f"{host.url}/api/users/recent") == (200, "rest recent")
            assert await call(f"{host.url}/api/users") == (200, "rest None")

    async def test_a_function_level_route_asks_for_the_key_and_an_anonymous_one_does_not(self) -> None:
        app = func.FunctionApp()

        @app.route("guarded")
        async def guarded(req: func.HttpRequest) -> str:
            return "in"

        @app.route("open", auth_level=func.AuthLevel.ANONYMOUS)
        async def open_to_all(req: func.HttpRequest) -> str:
            return "in"

        async with serve(app, environ={"LOCAL_FUNCTION_KEY": "k"}, host_json={}) as host:
            assert await call(f"{host.url}/api/guarded") == (401, "")
            assert await call(f"{host.url}/api/guarded?code=wrong") == (401, "")
            assert await call(f"{host.url}/api/guarded?code=k") == (200, "in")
            assert await call(f"{host.url}/api/guarded", headers={"x-functions-key": "k"}) == (200, "in")
            assert await call(f"{host.url}/api/open") == (200, "in")
            assert await call(f"{host.url}/admin/host/status") == (401, "")

    @pytest.mark.parametrize("reset", [True, False])
    async def test_a_request_that_arrived_whole_is_handled_though_the_client_is_gone(
        self, reset: bool
    ) -> None:
        app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
        seen: asyncio.Queue[bytes] = asyncio.Queue()

        @app.route("x", methods=["POST"])
        async def x(req: func.HttpRequest) -> str:
            seen.put_nowait(req.get_body())
            return ""

        async with serve(app, environ={}, host_json={}) as host:
            address = ("127.0.0.1", int(host.url.rpartition(":")[2]))
            with socket.create_connection(address) as connection:
                connection.sendall(b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))
            assert await next_of(seen) == b"{}"

    async def test_an_exception_is_answered_with_500_and_nothing_else(self) -> None:
        app = func.FunctionApp()

        @app.route("fails")
        async def fails(req: func.HttpRequest) -> str:
            raise ValueError("secret")

        async with serve(app, environ={}, host_json={}) as host:
            assert await call(f"{host.url}/api/fails") == (500, "")

    async def test_a_sync_function_runs_in_a_thread_with_its_context(self) -> None:
        app = func.FunctionApp()

        @app.function_name("Named")
        @app.route("sync")
        def sync(req: func.HttpRequest, context: func.Context) -> str:
            assert context.invocation_id
            return f"{context.function_name} {threading.current_thread() is threading.main_thread()}"

        async with serve(app, environ={}, host_json={}) as host:
            assert await call(f"{host.url}/api/sync") == (200, "Named False")

    async def test_the_route_prefix_of_host_json_can_be_overridden_by_a_setting(self) -> None:
        app = func.FunctionApp()

        @app.route("x")
        async def x(req: func.HttpRequest) -> str:
            return "prefixed"

        host_json = {"extensions": {"http": {"routePrefix": "from-file"}}}
        override = {"AzureFunctionsJobHost__extensions__http__routePrefix": "v1"}
        async with serve(app, environ=override, host_json=host_json) as host:
            assert await call(f"{host.url}/v1/x") == (200, "prefixed")

    async def test_a_caller_is_cut_off_at_the_platforms_limit_while_the_function_goes_on(self) -> None:
        app = func.FunctionApp()
        release, finished = asyncio.Event(), asyncio.Event()

        @app.route("slow")
        async def slow(req: func.HttpRequest) -> str:
            await release.wait()
            finished.set()
            return "late"

        async with serve(app, environ={}, host_json={}, limits=Limits(answer=0.05)) as host:
            assert await call(f"{host.url}/api/slow") == (504, "")
            release.set()
            await asyncio.wait_for(finished.wait(), 60)

    async def test_a_function_is_cancelled_at_the_function_timeout(self) -> None:
        app = func.FunctionApp()
        cancelled = asyncio.Event()

        @app.route("endless")
        async def endless(req: func.HttpRequest) -> str:
            try:
                return await asyncio.Future()
            finally:
                cancelled.set()

        async with serve(app, environ={}, host_json={"functionTimeout": "00:00:00.1"}) as host:
            assert await call(f"{host.url}/api/endless") == (500, "")
        assert cancelled.is_set()


class TestQueueTriggers:
    async def test_an_output_is_sent_after_the_handler_and_starts_the_trigger(
        self, environ: dict[str, str]
    ) -> None:
        app = func.FunctionApp()
        seen: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()

        @app.route("start", methods=["POST"])
        @app.queue_output("one", "%QUEUE%", "AzureWebJobsStorage")
        @app.queue_output("several", "%QUEUE%", "AzureWebJobsStorage")
        async def start(
            req: func.HttpRequest,
            one: func.Out[str],
            several: func.Out[List[str]],  # noqa: UP006
        ) -> func.HttpResponse:
            one.set('{"domain": "例え"}')
            several.set(["a", "b"])
            return func.HttpResponse(status_code=202)

        @app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def perform(msg: func.QueueMessage) -> None:
            seen.put_nowait((msg.get_body().decode(), msg.dequeue_count, bool(msg.id), bool(msg.pop_receipt)))

        async with serve(app, environ=environ, host_json={}) as host:
            assert await call(f"{host.url}/api/start", "POST") == (202, "")
            messages = {await next_of(seen) for _ in range(3)}

        # JSON is written anew by the host.
        assert messages == {(body, 1, True, True) for body in ('{\n  "domain": "例え"\n}', "a", "b")}

    async def test_a_handler_that_raises_sends_nothing(self, environ: dict[str, str]) -> None:
        app = func.FunctionApp()

        @app.route("start")
        @app.queue_output("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def start(req: func.HttpRequest, msg: func.Out[str]) -> str:
            msg.set("never")
            raise ValueError

        @app.route("again")
        @app.queue_output("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def again(req: func.HttpRequest, msg: func.Out[str]) -> str:
            msg.set("sent")
            return ""

        async with serve(app, environ=environ, host_json={}) as host, queue(environ) as stored:
            assert await call(f"{host.url}/api/start") == (500, "")
            assert await call(f"{host.url}/api/again") == (200, "")
            # Base64, since that is what a queue trigger expects.
            assert [message.content async for message in stored.receive_messages()] == ["c2VudA=="]

    async def test_a_message_is_tried_as_often_as_host_json_says_and_then_poisoned(
        self, environ: dict[str, str]
    ) -> None:
        app = func.FunctionApp()
        tries: list[int | None] = []
        poisoned: asyncio.Queue[bytes] = asyncio.Queue()

        @app.route("start")
        @app.queue_output("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def start(req: func.HttpRequest, msg: func.Out[str]) -> str:
            msg.set("bad")
            return ""

        @app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def perform(msg: func.QueueMessage) -> None:
            tries.append(msg.dequeue_count)
            raise ValueError

        @app.queue_trigger("msg", "%QUEUE%-poison", "AzureWebJobsStorage")
        async def poison(msg: func.QueueMessage) -> None:
            poisoned.put_nowait(msg.get_body())

        async with serve(app, environ=environ, host_json=FAST) as host:
            await call(f"{host.url}/api/start")
            assert await next_of(poisoned) == b"bad"

        assert tries == [1, 2, 3, 4, 5]

    async def test_a_message_that_is_not_base64_is_poisoned_without_a_try(
        self, environ: dict[str, str]
    ) -> None:
        app = func.FunctionApp()
        seen: asyncio.Queue[bytes] = asyncio.Queue()

        @app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def perform(msg: func.QueueMessage) -> None:
            seen.put_nowait(msg.get_body())

        async with queue(environ) as stored:
            await stored.create_queue()
            await stored.send_message("{not base64}")
            await stored.send_message("Z29vZA==")
            host_json = {"extensions": {"queues": {"batchSize": 1, "newBatchThreshold": 0}}}
            async with serve(app, environ=environ, host_json=host_json):
                assert await next_of(seen) == b"good"
        poison = {**environ, "QUEUE": environ["QUEUE"] + "-poison"}
        async with queue(poison) as stored:
            assert [message.content async for message in stored.receive_messages()] == ["{not base64}"]

    async def test_batch_size_one_and_threshold_zero_run_one_message_at_a_time(
        self, environ: dict[str, str]
    ) -> None:
        app = func.FunctionApp()
        running, most, done = 0, 0, asyncio.Queue[None]()

        @app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def perform(msg: func.QueueMessage) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.05)
            running -= 1
            done.put_nowait(None)

        async with queue(environ) as stored:
            await stored.create_queue()
            for _ in range(4):
                await stored.send_message("eA==")
            host_json = {"extensions": {"queues": {"batchSize": 1, "newBatchThreshold": 0}}}
            async with serve(app, environ=environ, host_json=host_json):
                for _ in range(4):
                    await next_of(done)

        assert most == 1

    async def test_a_message_stays_invisible_for_as_long_as_its_function_runs(
        self, environ: dict[str, str]
    ) -> None:
        app = func.FunctionApp()
        runs, finished = 0, asyncio.Event()

        @app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def perform(msg: func.QueueMessage) -> None:
            nonlocal runs
            runs += 1
            await asyncio.sleep(6)  # Longer than the lock: only time can show the renewal.
            finished.set()

        async with queue(environ) as stored:
            await stored.create_queue()
            await stored.send_message("eA==")
            async with serve(app, environ=environ, host_json=FAST, limits=Limits(message_lock=4)):
                await asyncio.wait_for(finished.wait(), 60)
            assert (await stored.get_queue_properties()).approximate_message_count == 0

        assert runs == 1


class TestTimerTriggers:
    async def test_a_timer_fires_on_its_schedule(self) -> None:
        app = func.FunctionApp()
        fired: asyncio.Queue[bool] = asyncio.Queue()

        @app.timer_trigger("timer", "%SYNC_SCHEDULE%")
        async def hourly(timer: func.TimerRequest) -> None:
            fired.put_nowait(timer.past_due)

        async with serve(app, environ={"SYNC_SCHEDULE": "* * * * * *"}, host_json={}):
            assert await next_of(fired) is False

    async def test_a_disabled_timer_fires_by_the_admin_endpoint_alone(self) -> None:
        app = func.FunctionApp()
        fired: asyncio.Queue[str] = asyncio.Queue()

        @app.timer_trigger("timer", "* * * * * *")
        async def disabled(timer: func.TimerRequest) -> None:
            fired.put_nowait("disabled")

        @app.timer_trigger("timer", "* * * * * *")
        async def enabled(timer: func.TimerRequest) -> None:
            fired.put_nowait("enabled")

        off = {"AzureWebJobs.disabled.Disabled": "true"}
        async with serve(app, environ=off, host_json={}) as host:
            assert [await next_of(fired) for _ in range(2)] == ["enabled", "enabled"]
            await call(f"{host.url}/admin/functions/disabled", "POST", json={})
            while await next_of(fired) != "disabled":
                pass

    async def test_the_admin_endpoint_fires_a_timer_now(self, environ: dict[str, str]) -> None:
        app = func.FunctionApp()
        seen: asyncio.Queue[bytes] = asyncio.Queue()

        @app.timer_trigger("timer", "0 0 0 29 2 *")
        @app.queue_output("runs", "%QUEUE%", "AzureWebJobsStorage")
        async def leap_day(timer: func.TimerRequest, runs: func.Out[str]) -> None:
            runs.set("due")

        @app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
        async def perform(msg: func.QueueMessage) -> None:
            seen.put_nowait(msg.get_body())

        async with serve(app, environ=environ, host_json=FAST) as host:
            assert await call(f"{host.url}/admin/functions/leap_day", "POST", json={}) == (202, "")
            assert await next_of(seen) == b"due"
            assert await call(f"{host.url}/admin/functions/perform", "POST", json={"input": "x"}) == (202, "")
            assert await next_of(seen) == b"x"
            assert (await call(f"{host.url}/admin/functions/nobody", "POST", json={}))[0] == 404

    @pytest.mark.parametrize(
        ("body", "status"), [("", 400), ("null", 400), ("[]", 400), ("{", 400), ("{}", 202)]
    )
    async def test_the_admin_endpoint_takes_an_object(self, body: str, status: int) -> None:
        app = func.FunctionApp()

        @app.timer_trigger("timer", "0 0 0 29 2 *")
        async def leap_day(timer: func.TimerRequest) -> None: ...

        async with serve(app, environ={}, host_json={}) as host:
            url = f"{host.url}/admin/functions/leap_day"
            as_json = {"Content-Type": "application/json"}
            assert await call(url, "POST", data=body, headers=as_json) == (status, "")
            assert await call(url, "POST", data=body) == (415, "")

    async def test_a_schedule_that_does_not_resolve_stops_only_its_own_function(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = func.FunctionApp()

        @app.timer_trigger("timer", "%SYNC_SCHEDULE%")
        async def hourly(timer: func.TimerRequest) -> None: ...

        @app.route("x")
        async def x(req: func.HttpRequest) -> str:
            return "up"

        async with serve(app, environ={}, host_json={}) as host:
            assert await call(f"{host.url}/api/x") == (200, "up")
        assert "hourly is in error: '%SYNC_SCHEDULE%' does not resolve to a value" in caplog.text

    async def test_a_connection_string_that_cannot_be_read_stops_only_its_own_function(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = func.FunctionApp()

        @app.queue_trigger("msg", "runs", "AzureWebJobsStorage")
        async def perform(msg: func.QueueMessage) -> None: ...

        async with serve(app, environ={"AzureWebJobsStorage": "nonsense"}, host_json={}) as host:
            assert (await call(f"{host.url}/admin/host/status"))[0] == 200
        assert "perform is in error: queue runs: its connection string cannot be read" in caplog.text


SLEEPER = """
import asyncio
import azure.functions as func

app = func.FunctionApp()

@app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
async def perform(msg: func.QueueMessage) -> None:
    print("try", msg.dequeue_count, flush=True)
    if msg.dequeue_count == 1:
        await asyncio.Future()

@app.route("slow")
async def slow(req: func.HttpRequest) -> str:
    print("called", flush=True)
    await asyncio.sleep(0.5)
    return "finished"
"""


@pytest.fixture
def sleeper(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text(SLEEPER, encoding="utf-8")
    (tmp_path / "host.json").write_text(json.dumps(FAST), encoding="utf-8")
    return tmp_path


class TestHostProcess:
    async def test_a_killed_hosts_message_comes_back_after_the_lock(
        self, environ: dict[str, str], sleeper: Path
    ) -> None:
        async with queue(environ) as stored:
            await stored.create_queue()
            await stored.send_message("eA==")
        first = await asyncio.to_thread(HostProcess, environ, root=sleeper, message_lock=1)
        await asyncio.to_thread(first.wait_for, "try 1")
        first.kill()

        with await asyncio.to_thread(HostProcess, environ, root=sleeper, message_lock=1) as second:
            await asyncio.to_thread(second.wait_for, "try 2")

    async def test_sigterm_lets_a_running_invocation_finish(
        self, environ: dict[str, str], sleeper: Path
    ) -> None:
        with await asyncio.to_thread(HostProcess, environ, root=sleeper) as host:
            answer = asyncio.create_task(call(f"{host.url}/api/slow"))
            await asyncio.to_thread(host.wait_for, "called")
            status = await asyncio.to_thread(host.terminate)

            assert await answer == (200, "finished")
            assert status == 0

    async def test_what_still_runs_after_the_drain_is_cancelled(
        self, environ: dict[str, str], sleeper: Path
    ) -> None:
        async with queue(environ) as stored:
            await stored.create_queue()
            await stored.send_message("eA==")
        with await asyncio.to_thread(HostProcess, environ, root=sleeper, drain=0.1) as host:
            await asyncio.to_thread(host.wait_for, "try 1")

            assert await asyncio.to_thread(host.terminate, 10) == 0
            assert "Executed perform (Cancelled" in host.output

    async def test_a_host_whose_storage_is_away_for_too_long_ends_with_what_runs_in_it(
        self, sleeper: Path
    ) -> None:
        with Azurite() as own:
            environ = {"AzureWebJobsStorage": own.connection_string, "QUEUE": "runs"}
            async with queue(environ) as stored:
                await stored.create_queue()
                await stored.send_message("eA==")
            with await asyncio.to_thread(HostProcess, environ, root=sleeper, storage_patience=1) as host:
                await asyncio.to_thread(host.wait_for, "try 1")

                await asyncio.to_thread(own.stop)

                await asyncio.to_thread(
                    host.wait_for, "the functions host ends: storage has been away for 1 s"
                )
                assert "Executed perform (Cancelled" in host.output

    def test_one_line_lists_every_function_with_its_trigger(
        self, environ: dict[str, str], sleeper: Path
    ) -> None:
        with HostProcess(environ, root=sleeper) as host:
            line = host.wait_for("^Functions host listening.*$")[0]

        assert line.endswith(f"perform (queue {environ['QUEUE']}), slow (any /api/slow)")

    def test_an_app_that_cannot_be_imported_is_one_line(
        self, environ: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "function_app.py").write_text("raise ValueError('SOURCE must be hennge or csv')")

        with pytest.raises(RuntimeError) as error:
            HostProcess(environ, root=tmp_path)

        assert str(error.value).splitlines()[1:] == [
            "function_app.py could not be loaded: ValueError: SOURCE must be hennge or csv"
        ]
