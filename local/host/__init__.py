"""A Functions host for one machine: runs the functions that `function_app.py` declares, without Core Tools.

`serve` runs an app inside a test's event loop; `HostProcess` runs the host as a separate process.
"""

from local.host.limits import Limits
from local.host.process import HostProcess
from local.host.server import Host, serve

__all__ = ["Host", "HostProcess", "Limits", "serve"]
