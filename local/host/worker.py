"""The Python worker: Microsoft's library indexes an app, converts triggers and outputs, and invokes functions.

azure-functions-runtime is the library inside the platform's worker from Python 3.13 on; the workers of 3.11 and 3.12
have the same code built in. It declares Python 3.13 and runs on 3.11, so `make setup` installs it into a separate
folder, without its dependencies.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import azure.functions as func

from local.host import rpc
from local.host.functions import AppError, DeclaredFunction, declared
from local.processes import REPOSITORY

FOLDER = REPOSITORY / ".worker"
_LIBRARY = "azure_functions_runtime"
_APP = "function_app"


class FunctionFailed(Exception):
    """The host shows this as `Result: Failure`; the message ends with the function's stack trace."""


class Worker:
    """One app that the library has indexed."""

    def __init__(self, library: ModuleType, functions: list[DeclaredFunction]) -> None:
        self._library = library
        self.functions = functions

    @classmethod
    async def load(cls, folder: Path) -> "Worker":
        """Indexes the function_app.py in the folder. Raises AppError if it can't be run."""
        if not (folder / f"{_APP}.py").exists():
            raise AppError(f"there is no {folder / _APP}.py")
        sys.path.insert(0, str(folder))
        return await cls._indexed(folder)

    @classmethod
    async def of(cls, app: ModuleType | func.FunctionApp) -> "Worker":
        """Indexes an imported app, or the only app of a module. Raises AppError if it can't be run."""
        if isinstance(app, func.FunctionApp):
            module = ModuleType(_APP)
            vars(module)["app"] = app
        else:
            module = app
        with _imported_as(_APP, module):
            return await cls._indexed(REPOSITORY)

    @classmethod
    async def _indexed(cls, folder: Path) -> "Worker":
        library = _copy_of_the_library()
        first = rpc.StreamingMessage(worker_init_request=rpc.WorkerInitRequest(str(folder)))
        properties: dict[str, str | ModuleType] = {"host": "127.0.0.1", "protos": rpc}
        begun: rpc.WorkerInitResponse = await library.worker_init_request(
            rpc.WorkerRequest(first, properties)
        )
        if begun.result.exception:
            raise AppError(begun.result.exception.message)
        library.start_threadpool_executor()
        indexed: rpc.FunctionMetadataResponse = await library.functions_metadata_request(None)
        return cls(library, [declared(metadata) for metadata in indexed.function_metadata_results or ()])

    async def invoke(
        self,
        function: DeclaredFunction,
        invocation_id: str,
        trigger: rpc.TypedData,
        metadata: Mapping[str, rpc.TypedData],
    ) -> rpc.InvocationResponse:
        """The function's return value and outputs. Raises FunctionFailed if the function raised."""
        request = rpc.InvocationRequest(
            invocation_id, function.id, [rpc.ParameterBinding(function.trigger.name, trigger)], metadata
        )
        message = rpc.WorkerRequest(rpc.StreamingMessage(invocation_request=request))
        response: rpc.InvocationResponse = await self._library.invocation_request(message)
        if error := response.result.exception:
            raise FunctionFailed(f"{error.message}\n{error.stack_trace}")
        return response

    def invocation_of_thread(self) -> str | None:
        """The id of the invocation whose synchronous function runs in this thread, or None."""
        found: str | None = self._library.invocation_id_cv.get()
        return found

    def close(self) -> None:
        """Does not wait for synchronous functions: they can't be cancelled."""
        self._library.get_threadpool_executor().shutdown(wait=False, cancel_futures=True)


def _copy_of_the_library() -> ModuleType:
    """The library keeps one app per process, which is enough on the platform.

    Tests run several hosts in one process, also at the same time, so each host gets a copy of the library's modules.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == _LIBRARY]:
        del sys.modules[name]
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(_LIBRARY)
    except ModuleNotFoundError as error:
        raise AppError(
            f"Microsoft's worker library is not in {FOLDER}: run `make setup` ({error})"
        ) from error
    finally:
        sys.path.remove(str(FOLDER))


@contextlib.contextmanager
def _imported_as(name: str, module: ModuleType) -> Iterator[None]:
    """During the block, importing `name` gives this module: the library imports the app by name."""
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
