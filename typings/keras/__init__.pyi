"""As much of Keras as the package's types need: its base classes.

Keras has no type hints, and its bases end in classes of TensorFlow or torch, so to
mypy every subclass has every attribute. Here the bases are told by what they declare
in public; all else in Keras stays `Any`.
"""

from typing import Any

from keras import initializers as initializers
from keras import layers as layers

def __getattr__(name: str) -> Any: ...
