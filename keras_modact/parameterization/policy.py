"""The adaptation policy of a feed-forward layer (Flennerhag et al. 2018, section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_modact.utils import numerics, validation
from keras_modact.utils.layers import (
    not_quantized,
    output_shape,
    refuse_its_own_arguments,
)
from keras_modact.utils.validation import Tensor
from keras_modact.utils.weights import (
    set_weight_arguments,
    weight_config,
    weight_kwargs,
)

# Blocks of columns in the kernel of each network for the latent z.
LATENTS = {"relu": 1, "glu": 2}
DEFAULT_UNITS = 32
WEIGHTS = ("policy_kernel", "policy_bias", "adaptation")
# The defaults of what is for a network for z that is made here.
LATENT_DEFAULTS = {
    "policy_kernel_initializer": "glorot_uniform",
    "policy_bias_initializer": "zeros",
    "policy_kernel_regularizer": None,
    "policy_bias_regularizer": None,
}
ARGUMENTS = (
    "policy",
    "policy_units",
    "policy_activation",
    "around_one",
    "policy_dropout",
    "policy_kernel_initializer",
    "policy_bias_initializer",
    "adaptation_initializer",
    "policy_kernel_regularizer",
    "policy_bias_regularizer",
    "adaptation_regularizer",
    "seed",
)
"""The arguments of a layer that are about its policy."""
ADAPTATIONS = {
    "input": (True, False),
    "output": (False, True),
    "io": (True, True),
    "sva": (False, True, False),
}
"""Which of d_1 ... d_q the named adaptations adapt."""


class AdaptationPolicy(keras.layers.Layer):
    """Computes the diagonals of a layer's adaptation matrices.

    With the policy's input v, the latent z, `U` split into blocks of columns U_j:

        z = relu(v P + p), or (v P1 + p1) * sigma(v P2 + p2), or a Keras layer
        diagonal j = tau(z U_j), or 1 + tau(z U_j) with `around_one`

    It is the attribute `policy` of `AdaptiveDense` and `AdaptiveConv2D`, which
    document the arguments and set `sizes` before it is built.

    Weights: `kernel` (features, policy_units), P, or (features, 2 policy_units),
    P1 and P2; `bias` of as many columns; `adaptation_kernel` (policy_units, sum
    of the sizes), U.

    Args:
        given: The layer's arguments by name, those of `ARGUMENTS` among them.
        **kwargs: `name` and `dtype`.
    """

    def __init__(self, given: Mapping[str, Any], **kwargs: Any) -> None:
        policy, units = given["policy"], given["policy_units"]
        if not isinstance(policy, keras.layers.Layer):
            if not isinstance(policy, str) or policy not in LATENTS:
                raise ValueError(
                    "`policy` must be 'relu', 'glu' or a Keras layer, received "
                    f"policy={policy!r}. Pass for example policy='relu', or "
                    "policy=keras.layers.Dense(32, activation='elu')."
                )
            units = DEFAULT_UNITS if units is None else units
        else:
            refuse_its_own_arguments("policy", policy, given, LATENT_DEFAULTS)
        if units is not None:
            units = validation.positive_integer("policy_units", units)
        tau = validation.activation("policy_activation", given["policy_activation"])
        around_one = validation.truth_value("around_one", given["around_one"])
        rate = validation.dropout_rate("policy_dropout", given["policy_dropout"])
        seed = validation.random_seed("seed", given["seed"])
        super().__init__(**kwargs)
        initial = given["adaptation_initializer"]
        if initial is None:
            initial = "zeros" if around_one else uniform_by_fan_in()
        set_weight_arguments(
            self, WEIGHTS, {**given, "adaptation_initializer": initial}
        )
        self.latent = policy
        self.units = units
        self.activation = tau
        self.around_one = around_one
        self.dropout = rate
        self.seed = seed
        if rate:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.sizes: tuple[int, ...] = ()

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.features = input_shape[-1]
        self.kernel = self.bias = None
        if isinstance(self.latent, str):
            blocks = LATENTS[self.latent]
            columns = blocks * self.units
            self.kernel = self.add_weight(
                name="kernel",
                shape=(input_shape[-1], columns),
                **weight_kwargs(self, "policy_kernel", blocks=blocks),
            )
            self.bias = self.add_weight(
                name="bias",
                shape=(columns,),
                **weight_kwargs(self, "policy_bias", blocks=blocks),
            )
        else:
            self.units = self._units_of_layer(input_shape)
        self.adaptation_kernel = self.add_weight(
            name="adaptation_kernel",
            shape=(self.units, sum(self.sizes)),
            **weight_kwargs(self, "adaptation"),
        )

    def _units_of_layer(self, input_shape: Sequence[int | None]) -> int:
        """The last size of the given layer's output, whose shape is checked."""
        layer = self.latent
        shape = output_shape(layer, input_shape)
        units = shape[-1]
        leading = tuple(input_shape[:-1])
        if shape[:-1] != leading or units is None or self.units not in (None, units):
            wanted = (*leading, self.units or "policy_units")
            raise ValueError(
                f"`policy` must turn the shape {tuple(input_shape)} into {wanted}, "
                f"{type(layer).__name__} '{layer.name}' gives {shape}. Pass for "
                "example policy=keras.layers.Dense(32), and leave `policy_units` "
                "out."
            )
        return int(units)

    def call(self, v: Tensor, training: bool = False) -> list[Tensor]:
        z = self._latent(v, training)
        if training and self.dropout:
            # With a noise shape torch draws from the layer's own generator.
            shape = (None,) * len(z.shape)
            z = keras.random.dropout(z, self.dropout, shape, self.seed_generator)
        pi = numerics.activate(
            self.activation, numerics.matmul(z, self.adaptation_kernel)
        )
        if self.around_one:
            pi = 1 + pi
        return split(pi, self.sizes)

    def _latent(self, v: Tensor, training: bool) -> Tensor:
        if not isinstance(self.latent, str):
            # Not every layer's call knows `training`; Keras hands it on by itself.
            return ops.cast(self.latent(v), self.compute_dtype)
        linear = numerics.matmul(v, self.kernel)
        linear = linear + numerics.weight_like(self.bias, linear)
        if self.latent == "relu":
            return ops.relu(linear)
        value, gate = ops.split(linear, 2, axis=-1)
        return value * ops.sigmoid(gate)

    quantize = not_quantized

    def readable(self, inputs: Any) -> Tensor:
        """Inputs as a tensor of the compute dtype, once there is a policy."""
        if not self.built:
            raise ValueError(
                "There is no policy before the layer is built. Call the layer, or "
                "put it into a model with a `keras.Input`, first."
            )
        if isinstance(inputs, keras.KerasTensor):
            return inputs
        return ops.convert_to_tensor(inputs, dtype=self.compute_dtype)

    def arguments(self) -> dict[str, Any]:
        """What the policy was made from, for the `get_config` of its layer."""
        config = {
            "policy": self.latent,
            "policy_units": self.units,
            "policy_activation": validation.activation_config(self.activation),
            "around_one": self.around_one,
            "policy_dropout": self.dropout,
            **weight_config(self, WEIGHTS),
            "seed": self.seed,
        }
        if not isinstance(self.latent, str):
            latent = keras.saving.serialize_keras_object(self.latent)
            config |= {**LATENT_DEFAULTS, "policy": latent}
        return config


def uniform_by_fan_in() -> keras.initializers.Initializer:
    """U(-k, k) with k the number of rows to the power of -1/2."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def split(x: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """Blocks of these sizes along the last axis."""
    parts, start = [], 0
    for size in sizes:
        # Not `ops.split` at places, which cannot be traced to ONNX on torch.
        parts.append(x[..., start : start + size])
        start += size
    return parts


def adapted_diagonals(adaptation: Any) -> tuple[bool, ...]:
    """Which of the diagonals d_1 ... d_q are adapted."""
    if isinstance(adaptation, str) and adaptation in ADAPTATIONS:
        return ADAPTATIONS[adaptation]
    several = isinstance(adaptation, (tuple, list)) and len(adaptation) > 0
    if not several or not all(isinstance(one, bool) for one in adaptation):
        words = ", ".join(map(repr, ADAPTATIONS))
        raise ValueError(
            f"`adaptation` must be one of {words}, or a tuple of Booleans, one for "
            f"each diagonal, received adaptation={adaptation!r}. Pass for example "
            "adaptation='sva', which is (False, True, False)."
        )
    return tuple(adaptation)


def checked_rank(rank: Any, diagonals: int) -> int | tuple[int, ...] | None:
    """The sizes between the kernels, if they can be."""
    between = max(diagonals - 2, 0)
    if rank is None:
        return None
    if between == 0:
        raise ValueError(
            "`rank` is the size between two kernels, and this adaptation has "
            f"{diagonals - 1}, received rank={rank!r}. Leave it out, or pass "
            "adaptation='sva'."
        )
    if not isinstance(rank, (tuple, list)):
        return validation.positive_integer("rank", rank)
    sizes = tuple(validation.positive_integer("rank", size) for size in rank)
    if len(sizes) != between:
        raise ValueError(
            f"`rank` must be a positive integer, or a tuple of {between} of them for "
            f"{diagonals} diagonals, received rank={rank!r}."
        )
    return sizes


def adapted_channels(adaptation: Any) -> tuple[bool, ...]:
    """Whether the channels that come in and those that go out are adapted."""
    names = [name for name, adapted in ADAPTATIONS.items() if len(adapted) == 2]
    return ADAPTATIONS[validation.one_of("adaptation", adaptation, names)]


def named(adapted: tuple[bool, ...]) -> str | tuple[bool, ...]:
    """The name of an adaptation, if it has one."""
    names = {adapted: name for name, adapted in ADAPTATIONS.items()}
    return names.get(adapted, adapted)
