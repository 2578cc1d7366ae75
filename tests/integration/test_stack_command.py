"""`python -m local.stack`: what it prints is all that a host needs, and nothing of it is left behind."""

import shlex
import sys

import httpx
import pytest

from local.host import HostProcess
from local.processes import ChildProcess


def test_a_host_with_the_printed_settings_is_well_and_sees_the_sample_people() -> None:
    with ChildProcess([sys.executable, "-m", "local.stack"]) as stack:
        stack.wait_for("Ctrl-C", timeout=100)
        settings = dict(shlex.split(line)[1].split("=", 1) for line in stack.output.splitlines()[:-1])
        with HostProcess(settings) as host:
            health = httpx.get(f"{host.url}/api/health?deep=true", timeout=60)
            domains = httpx.get(f"{host.url}/api/domains", timeout=60)

        assert health.json()["status"] == "ok", health.text
        assert "contoso.com" in {domain["name"] for domain in domains.json()["domains"]}
        assert stack.terminate() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(settings["GRAPH_BASE_URL"])
