"""Makes Azure register the triggers of the deployed functions, and tries again until it lists them all.

    sync_triggers.py --subscription ID --resource-group NAME --app FUNCTION_APP_NAME

On Flex Consumption, Azure may not register the timer and the queues of a new package until someone presses Refresh in
the portal (azure-functions-host#10169, functions-action#373). A timer that is not registered never starts. azd and
the deploy workflow run this after each deployment. Needs an Azure CLI that is signed in with Website Contributor on
the app.
"""

import argparse
import ast
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# What declares functions.
FILES = (ROOT / "function_app.py", ROOT / "shared/http/endpoints.py")
API_VERSION = "2025-03-01"
TRIES, PAUSE = 20, 15.0


def declared(code: str) -> set[str]:
    """The names of the functions that a file declares: decorated, or an `Endpoint`. `code` is its source."""
    found = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.AsyncFunctionDef) and node.decorator_list:
            found.add(node.name)
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Endpoint("):
            found.add(ast.unparse(node.targets[0]))
    return found


def listed(answer: dict[str, Any]) -> dict[str, str]:
    """Name → schedule of each function in Azure's list; the schedule is empty if no timer starts the function."""
    found = {}
    for function in answer["value"]:
        properties = function["properties"]
        bindings = (properties.get("config") or {}).get("bindings") or []
        schedules = [binding["schedule"] for binding in bindings if binding.get("type") == "timerTrigger"]
        found[function["name"].rpartition("/")[2]] = "".join(schedules)
    return found


def rest(method: str, url: str) -> tuple[str, str]:
    """The output of `az rest`, and its error message; the message is empty if it succeeded."""
    program = shutil.which("az")
    if program is None:
        sys.exit("The Azure CLI (az) is not installed.")
    # In a file: on Windows az is a batch file, which can't take the parentheses that a group's name may have.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "url").write_text(f"{url}?api-version={API_VERSION}", encoding="utf-8")
        command = [program, "rest", "--method", method, "--url", "@url"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - az only
    return done.stdout, done.stderr.strip() if done.returncode else ""


def sync(app: str, expected: set[str], pause: float = PAUSE) -> str:
    """Posts until Azure lists every expected function, and the timer with its schedule.

    `app` is the path of the app's resource, `pause` in seconds. Returns what is still wrong after the last try, or "".
    """
    fault = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause)
        _, fault = rest("post", f"{app}/host/default/sync")
        if fault:
            continue
        answer, fault = rest("get", f"{app}/functions")
        if fault:
            continue
        found = listed(json.loads(answer))
        missing = sorted(expected - set(found))
        if not missing and any(found.values()):
            for name, schedule in found.items():
                if schedule:
                    sys.stdout.write(f"{len(found)} functions are known; {name} runs at {schedule}\n")
            return ""
        fault = f"not known yet: {', '.join(missing) or 'the schedule of the timer'}"
    return fault


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subscription", required=True)
    parser.add_argument("--resource-group", required=True)
    parser.add_argument("--app", required=True, help="FUNCTION_APP_NAME of the Azure half")
    return parser


def main() -> None:
    given = command_line().parse_args()
    app = (
        f"/subscriptions/{given.subscription}/resourceGroups/{given.resource_group}"
        f"/providers/Microsoft.Web/sites/{given.app}"
    )
    if fault := sync(app, declared("\n".join(file.read_text(encoding="utf-8") for file in FILES))):
        sys.exit(
            f"The triggers of {given.app} are not in step: {fault}\nUntil they are, no run starts on the hour. "
            "In the portal: the function app, Overview, Refresh. Then look at Functions there."
        )


if __name__ == "__main__":
    main()
