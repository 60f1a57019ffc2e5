"""The recurrent layers that the bistable paper compares with (Vecoven et al. 2021).

`GORU` has an orthogonal recurrent matrix, `LMU` a memory of the input's last
`theta` steps.
"""

from keras_modact.baselines.goru import GORU, GORUBias, GORUCell
from keras_modact.baselines.lmu import LMU, LMUCell

__all__ = ["GORU", "LMU", "GORUBias", "GORUCell", "LMUCell"]
