"""Bistable recurrent cells (Vecoven, Ernst, Drion 2021).

`BRC` and `NBRC` are the layers, `BRCCell` and `NBRCCell` their cells;
`trace_gates` and `trace_model` show what the gates of a trained layer or network do,
`unit_dynamics` where its units rest; `warm_up` makes layers multistable before
training and `vaa` measures it; `dynamics` is the theory of one unit, and `plotting`
draws all that.
"""

from keras_modact.bistability import dynamics, kernels, plotting
from keras_modact.bistability.brc import BRC, BRCCell
from keras_modact.bistability.multistability import settled_states, vaa, vaa_star
from keras_modact.bistability.nbrc import NBRC, NBRCCell
from keras_modact.bistability.trace import GateTrace, trace_gates, trace_model
from keras_modact.bistability.units import UnitDynamics, unit_dynamics
from keras_modact.bistability.warm_up import warm_up

__all__ = [
    "BRC",
    "NBRC",
    "BRCCell",
    "GateTrace",
    "NBRCCell",
    "UnitDynamics",
    "dynamics",
    "kernels",
    "plotting",
    "settled_states",
    "trace_gates",
    "trace_model",
    "unit_dynamics",
    "vaa",
    "vaa_star",
    "warm_up",
]
