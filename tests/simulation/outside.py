"""The services outside of the app, as one instance after another reaches them."""

from dataclasses import dataclass
from random import Random

from local.entra import Entra
from tests.simulation.access_control import AccessControl
from tests.simulation.blobs import Blobs
from tests.simulation.faults import Faults
from tests.simulation.gate import History
from tests.simulation.loop import VirtualLoop
from tests.simulation.tables import Tables


@dataclass(frozen=True, slots=True)
class Outside:
    seed: str
    loop: VirtualLoop
    history: History
    faults: Faults
    chance: Random
    tables: Tables
    blobs: Blobs
    entra: Entra
    access_control: AccessControl
