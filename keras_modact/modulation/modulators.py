"""The modulator that belongs to a layer: the same kind, with one channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
from keras import layers

from keras_modact.utils import numerics
from keras_modact.utils.layers import inside, is_graph, quietly
from keras_modact.utils.validation import Tensor

CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
)
KINDS = (layers.Dense, layers.EinsumDense, *CONVOLUTIONS)
"""The layers whose modulator follows from their own arguments."""

# One channel of a depthwise convolution would read one channel only; the
# modulator reads what the whole layer reads.
UNGROUPED = {
    layers.DepthwiseConv1D: layers.Conv1D,
    layers.DepthwiseConv2D: layers.Conv2D,
}
# The linear maps of a layer, by the first half of their arguments' names.
MAPS = {
    layers.DepthwiseConv1D: ("depthwise",),
    layers.DepthwiseConv2D: ("depthwise",),
    layers.SeparableConv1D: ("depthwise", "pointwise"),
    layers.SeparableConv2D: ("depthwise", "pointwise"),
}
STRUCTURE = (
    "units",
    "filters",
    "groups",
    "depth_multiplier",
    "kernel_size",
    "strides",
    "padding",
    "output_padding",
    "data_format",
    "dilation_rate",
    "equation",
    "output_shape",
    "bias_axes",
)
"""The arguments of the layers of `KINDS` that are not about their weights."""


def check_layer(layer: Any) -> None:
    """Refuses a layer that is not a linear map but for its activation.

    Of a layer of the user's own that cannot be known.
    """
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(
            "`layer` must be a Keras layer, received "
            f"layer={layer!r}. Pass for example keras.layers.Dense(64)."
        )
    kind = type(layer)
    if isinstance(layer, keras.layers.RNN) or isinstance(
        getattr(kind, "activation", None), property
    ):
        raise ValueError(
            "`layer` must be a linear map but for its activation, received "
            f"{kind.__name__} '{layer.name}'. For recurrent layers there is "
            "`ModulatedLSTM`; of other layers wrap the linear maps inside."
        )
    for inner in _layers_inside(layer):
        activation = getattr(inner, "activation", None)
        if activation not in (None, keras.activations.linear):
            name = getattr(activation, "__name__", type(activation).__name__)
            raise ValueError(
                f"{kind.__name__} '{layer.name}' has the activation {name!r} inside, "
                f"in {type(inner).__name__} '{inner.name}', where the modulator "
                "cannot come before it. Leave it out there and pass "
                f"activation={name!r} to `Modulated`."
            )


def _layers_inside(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers in a wrapper or a model, as far as they are known.

    What has an activation of its own is a layer, whatever is in it.
    """
    inside: Sequence[Any] = ()
    if hasattr(layer, "activation"):
        return
    if isinstance(layer, layers.Wrapper):
        inside = [layer.layer]
    elif is_graph(layer):
        inside = getattr(layer, "layers", ())
    for inner in inside:
        yield inner
        yield from _layers_inside(inner)


def kind_of(layer: Any) -> type[keras.layers.Layer]:
    """The Keras class of `KINDS` that a layer belongs to."""
    for kind in KINDS:
        if isinstance(layer, kind):
            return kind
    names = ", ".join(kind.__name__ for kind in KINDS)
    raise ValueError(
        f"No modulator follows from {type(layer).__name__} '{layer.name}'. It does "
        f"from {names}. For another layer that is a linear map but for its "
        "activation, pass a layer as `modulator`."
    )


def check_in_loop(modulator: Any) -> None:
    """Refuses what cannot be called at every step of a loop."""
    if modulator is None:
        return
    if not isinstance(modulator, keras.layers.Layer):
        raise ValueError(
            "`modulator` must be None, the fifth gate, or a Keras layer, received "
            f"modulator={modulator!r}. Pass for example "
            "modulator=keras.layers.Dense(8) for 8 units."
        )
    for part in (modulator, *inside(modulator)):
        what = None
        if len(part.variables) > len(part.weights):
            what = "draws random numbers"
        elif isinstance(part, layers.BatchNormalization):
            what = "keeps statistics of batches"
        elif part.activity_regularizer is not None:
            what = "has an activity regularizer"
        if what is not None:
            raise ValueError(
                f"`modulator` is called at every step inside a loop, and "
                f"{type(part).__name__} '{part.name}' {what}, which no step can. "
                "Leave it out."
            )


def like_layer(
    layer: keras.layers.Layer,
    channelwise: bool,
    use_bias: bool,
    weights: Mapping[str, Mapping[str, Any]],
    **arguments: Any,
) -> keras.layers.Layer:
    """A modulator that reads what the layer reads, in the same way.

    Args:
        layer: A layer of one of `KINDS`.
        channelwise: Whether it has as many channels as the layer; otherwise one.
        use_bias: Whether it has a bias.
        weights: For "kernel" and "bias" the initializer, regularizer and
            constraint.
        **arguments: Further arguments of a layer, such as `name`.
    """
    kind = kind_of(layer)
    config = arguments_of(layer)
    made = {k: v for k, v in config.items() if k in STRUCTURE}
    if hasattr(layer, "output_padding"):
        # Not in the config before Keras 3.13.
        made["output_padding"] = layer.output_padding
    if kind is layers.EinsumDense:
        if not channelwise:
            made |= _one_channel_einsum(layer)
        if use_bias and not made["bias_axes"]:
            raise ValueError(
                f"The modulator of '{layer.name}', equation {made['equation']!r}, "
                "has no axis that says where its bias lies. Pass "
                "modulator_use_bias=False, or a layer as `modulator`."
            )
        made["bias_axes"] = made["bias_axes"] if use_bias else None
    else:
        made["use_bias"] = use_bias
    if not channelwise and kind is layers.Dense:
        made["units"] = 1
    elif not channelwise and kind is not layers.EinsumDense:
        kind = UNGROUPED.get(kind, kind)
        made["filters"] = 1
        made.pop("groups", None)
        if kind not in MAPS:
            made.pop("depth_multiplier", None)
    for linear_map in MAPS.get(kind, ("kernel",)):
        made |= {f"{linear_map}_{k}": v for k, v in weights["kernel"].items()}
    made |= {f"bias_{k}": v for k, v in weights["bias"].items()}
    return kind(**made, **arguments)


def of_vectors(
    units: int,
    use_bias: bool,
    weights: Mapping[str, Mapping[str, Any]],
    **arguments: Any,
) -> keras.layers.Layer:
    """A modulator that reads one vector for all positions."""
    given = {f"{w}_{k}": v for w, found in weights.items() for k, v in found.items()}
    return layers.Dense(units, use_bias=use_bias, **given, **arguments)


def arguments_of(layer: keras.layers.Layer) -> dict[str, Any]:
    """Returns the config that the Keras class of a layer has for it.

    A subclass may have another one.
    """
    return quietly(lambda: kind_of(layer).get_config(layer))


def float_policy(policy: keras.DTypePolicy) -> keras.DTypePolicy:
    """Returns a dtype policy, or that from which a layer has been quantized."""
    if policy.quantization_mode is None:
        return policy
    return keras.dtype_policies.get(policy.name.partition("_from_")[2])


def has_bias(layer: keras.layers.Layer) -> bool:
    """Whether a layer of `KINDS` adds a bias."""
    config = arguments_of(layer)
    return bool(config.get("use_bias", config.get("bias_axes")))


def _one_channel_einsum(layer: keras.layers.EinsumDense) -> dict[str, Any]:
    """The arguments of a `Dense(1)` over the contracted axis, as an einsum.

    Every axis that the layer's kernel adds has size 1 in it, so that what comes
    out has the axes of the layer's output.
    """
    inputs, kernel, output = _labels(layer)
    contracted = [label for label in inputs if label not in output]
    if len(contracted) != 1 or contracted[0] not in kernel:
        raise ValueError(
            "The modulator of an EinsumDense reads its one contracted axis, and "
            f"'{layer.name}' with equation {layer.equation!r} sums over "
            f"{', '.join(contracted) or 'none'}. Pass a layer as `modulator`."
        )
    added = [label for label in output if label not in inputs]
    sizes = arguments_of(layer)["output_shape"]
    sizes = [sizes] if isinstance(sizes, int) else list(sizes)
    # The sizes leave out the batch, and what an ellipsis stands for.
    for place, label in enumerate(reversed(output[-len(sizes) :]), 1):
        if label in added:
            sizes[-place] = 1
    left, right = layer.equation.replace(" ", "").split("->")
    return {
        "equation": f"{left.split(',')[0]},{contracted[0]}{''.join(added)}->{right}",
        "output_shape": tuple(sizes),
        "bias_axes": added[-1] if added else None,
    }


def check_sizes(
    name: str, layer: keras.layers.Layer, shape: Sequence[int | None]
) -> None:
    """Refuses an input without the sizes from which a layer makes its weights.

    Args:
        name: Of the layer, for the error.
        layer: The layer; one that is not of `KINDS` takes what it takes.
        shape: Of the input.
    """
    if not isinstance(layer, KINDS):
        return
    axes = [channel_axis(layer)]
    if isinstance(layer, layers.EinsumDense):
        inputs, kernel, _ = _labels(layer)
        # An ellipsis may stand for any number of axes, before or after.
        offset = len(inputs) if layer.equation.lstrip().startswith(".") else 0
        axes = [inputs.index(a) - offset for a in inputs if a in kernel]
    if any(shape[axis] is None for axis in axes):
        raise ValueError(
            f"{name} needs the number of input features to make its weights, "
            f"received the shape {tuple(shape)}. Give that axis a size in "
            "`keras.Input`."
        )


def input_of(layer: keras.layers.Layer, x: Tensor) -> Tensor:
    """x as a layer takes it: as floats, unless the layer is one that we do not know."""
    return numerics.as_float(x, layer.compute_dtype) if isinstance(layer, KINDS) else x


def channel_axis(layer: keras.layers.Layer) -> int:
    """The axis of the channels, in the input and the output of a layer."""
    first = getattr(layer, "data_format", None) == "channels_first"
    return 1 if first else -1


def _labels(layer: keras.layers.EinsumDense) -> tuple[str, str, str]:
    """The axes of input, kernel and output in the equation."""
    left, output = layer.equation.replace(" ", "").replace(".", "").split("->")
    inputs, kernel = left.split(",")
    return inputs, kernel, output
