"""How every recurrent layer of the package runs over time.

Nothing here belongs to one paper. A cell (`RecurrentCell`) states its equations in
`project` and `step`; a layer (`RecurrentLayer`) chooses how they run; `one_step`
makes a model of one step from one of sequences.
"""

from keras_modact.recurrence.arguments import CellArguments, Fixed, LayerArguments
from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.recurrence.layer import RecurrentLayer
from keras_modact.recurrence.streaming import one_step

__all__ = [
    "CellArguments",
    "Fixed",
    "LayerArguments",
    "RecurrentCell",
    "RecurrentLayer",
    "one_step",
]
