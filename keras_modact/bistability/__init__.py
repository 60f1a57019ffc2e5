"""Bistable recurrent cells (Vecoven, Ernst, Drion 2021).

`BRC` and `NBRC` are the layers, `BRCCell` and `NBRCCell` their cells;
`trace_gates` shows what the gates of a trained layer do, `dynamics` is the
theory of one unit, and `plotting` draws both.
"""

from keras_modact.bistability import dynamics, kernels, pictures
from keras_modact.bistability.brc import BRC, BRCCell
from keras_modact.bistability.nbrc import NBRC, NBRCCell
from keras_modact.bistability.trace import GateTrace, trace_gates

__all__ = [
    "BRC",
    "NBRC",
    "BRCCell",
    "GateTrace",
    "NBRCCell",
    "dynamics",
    "kernels",
    "pictures",
    "plotting",
    "trace_gates",
]
