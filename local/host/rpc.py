"""The messages between the host and its worker, as plain dataclasses; names and fields are from FunctionRpc.proto.

Microsoft's library takes its protobuf classes as an argument (`protos.RpcHttp(…)`). This module is that argument, so
gRPC is not needed. It has the classes that the library uses for the triggers and outputs that this host supports. An
app that uses more, for example cookies, fails with an AttributeError.
"""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import ClassVar


@dataclass(frozen=True)
class TypedData:
    """One value, in the field of its type; if no field is set, the value is null."""

    string: str | None = None
    json: str | None = None
    bytes: builtins.bytes | None = None
    http: "RpcHttp | None" = None

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - protobuf's name
        return next((name for name, value in vars(self).items() if value is not None), None)


@dataclass(frozen=True)
class RpcHttp:
    """A request (method, url, query, params) or an answer (status_code); `params` are route parameters."""

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: TypedData = TypedData()
    status_code: str = "200"
    cookies: None = None
    enable_content_negotiation: bool = False


@dataclass(frozen=True)
class ParameterBinding:
    """A value passed to an argument of the function, or set by it as an output."""

    name: str
    data: TypedData

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - protobuf's name
        return "data"


@dataclass(frozen=True)
class RpcException:
    message: str
    stack_trace: str = ""
    source: str = ""


@dataclass(frozen=True)
class StatusResult:
    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int
    exception: RpcException | None = None


@dataclass(frozen=True)
class BindingInfo:
    """The direction `in` is a keyword in Python, so `undefined` stands for it too."""

    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2

    type: str
    data_type: object
    direction: int


@dataclass(frozen=True)
class RpcFunctionMetadata:
    """One indexed function; each of `raw_bindings` is a binding's JSON as in function.json."""

    name: str
    function_id: str
    raw_bindings: Sequence[str]
    directory: str
    script_file: str
    entry_point: str
    language: str
    bindings: Mapping[str, BindingInfo]
    properties: Mapping[str, str]
    managed_dependency_enabled: bool
    is_proxy: bool
    retry_options: None


@dataclass(frozen=True)
class WorkerMetadata:
    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: Mapping[str, str]


@dataclass(frozen=True)
class WorkerInitRequest:
    function_app_directory: str
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerInitResponse:
    result: StatusResult
    capabilities: Mapping[str, str]
    worker_metadata: WorkerMetadata


@dataclass(frozen=True)
class FunctionMetadataResponse:
    """`function_metadata_results` is None if there is no function_app.py."""

    result: StatusResult
    use_default_metadata_indexing: bool
    function_metadata_results: Sequence[RpcFunctionMetadata] | None


@dataclass(frozen=True)
class RpcTraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RetryContext:
    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException | None = None


@dataclass(frozen=True)
class InvocationRequest:
    invocation_id: str
    function_id: str
    input_data: Sequence[ParameterBinding]
    trigger_metadata: Mapping[str, TypedData]
    trace_context: RpcTraceContext = RpcTraceContext()
    retry_context: RetryContext = RetryContext()


@dataclass(frozen=True)
class InvocationResponse:
    """`output_data` holds the outputs that were set; a failed invocation has none."""

    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: Sequence[ParameterBinding] = ()


@dataclass(frozen=True)
class StreamingMessage:
    """A message to the worker: exactly one of the two fields is set."""

    worker_init_request: WorkerInitRequest | None = None
    invocation_request: InvocationRequest | None = None


@dataclass(frozen=True)
class WorkerRequest:
    """A message as the worker process passes it to the library; only the first one has `properties`."""

    request: StreamingMessage
    properties: Mapping[str, str | ModuleType] = field(default_factory=dict)
