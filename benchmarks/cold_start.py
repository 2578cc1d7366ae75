"""Cold start: what importing the app costs a worker before its first invocation, against its libraries alone."""

import importlib
from collections.abc import Mapping

from benchmarks.measuring import Figures, Stopwatch, in_fresh_process, peak_mb, repeated
from benchmarks.report import Row, Target, markdown

TITLE = "Cold start"
_MODULE = "benchmarks.cold_start"
_SETTINGS: Mapping[str, str] = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "HENNGE_CLIENT_ID": "client",
    "HENNGE_CLIENT_SECRET": "secret",
}


def rows(runs: int = 9, **_: bool) -> list[Row]:
    names = ("function_app", "azure.functions", "msgraph", "sys")
    app, library, sdk, nothing = (
        repeated(runs, lambda: in_fresh_process(imported, name, env=_SETTINGS))  # noqa: B023 - called here
        for name in names
    )
    return [
        Row(
            "import function_app",
            _MODULE,
            runs,
            app["cpu"],
            app["wall"],
            app["peak"],
            ratio=f"{app['cpu'] / library['cpu']:.2g}× azure.functions, {app['cpu'] / sdk['cpu']:.2g}× msgraph",
            targets=(Target("< 0.5 s", app["wall"] < 0.5), Target("< 60 MB", app["peak"] < 60)),
        ),
        *(
            Row(f"baseline: {what}", _MODULE, runs, figures["cpu"], figures["wall"], figures["peak"])
            for what, figures in (
                ("import azure.functions", library),
                ("import msgraph", sdk),
                ("Python alone", nothing),
            )
        ),
    ]


def imported(name: str) -> Figures:
    """Memory is that of the whole process, including the interpreter."""
    watch = Stopwatch()
    importlib.import_module(name)
    return watch.figures() | {"peak": peak_mb()}


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
