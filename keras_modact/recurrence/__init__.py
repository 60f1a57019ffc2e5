"""How every recurrent layer of the package runs over time.

Nothing here belongs to one paper. A cell (`RecurrentCell`) states its equations in
`project` and `step`; a layer (`RecurrentLayer`) chooses how they run.
"""

from keras_modact.recurrence.arguments import CellArguments, Fixed
from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.recurrence.layer import RecurrentLayer

__all__ = ["CellArguments", "Fixed", "RecurrentCell", "RecurrentLayer"]
