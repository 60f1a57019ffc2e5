"""A layer whose activation has a slope set by a modulator (Sha et al. 2019)."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops

from keras_modact.modulation import modulators
from keras_modact.modulation.broadcasting import broadcast, broadcast_shape
from keras_modact.modulation.tanhshrink import modulator_activation as activation_of
from keras_modact.recurrence.shapes import Shape
from keras_modact.utils import numerics, validation
from keras_modact.utils.layers import (
    freeze_parts,
    output_shape,
    refuse_its_own_arguments,
    with_layers,
    without_activation,
)
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import (
    CHECKS,
    set_weight_arguments,
    weight_config,
    weight_kwargs,
)

WEIGHTS = ("modulator_kernel", "modulator_bias")
MODULATORS = ("shared", "channelwise")
OWN_ARGUMENTS = (
    "modulator_use_bias",
    "modulator_trainable",
    *(f"{weight}_{kind}" for weight in WEIGHTS for kind in CHECKS),
)
# Set in the constructor, before which the wrapped layer does not answer for them.
OWN_ATTRIBUTES = (
    "layer",
    "activation",
    "modulator",
    "modulator_activation",
    "modulator_kind",
    "channel_axis",
    *OWN_ARGUMENTS,
)


@keras.saving.register_keras_serializable(package="keras_modact")
class Modulated(keras.layers.Wrapper):
    """Wraps a layer to scale its activation's input by a learned signal.

    A modulator, one more unit that reads the same input, decides how steep the
    activation of the wrapped layer is: with a signal near 0 the layer is silent,
    with a larger one it responds more strongly. Use it where the response to a
    feature should depend on its context. For all layers of a model at once see
    `modulate`; for recurrent layers see `ModulatedLSTM`.

    With the input x of a unit (in a convolution its receptive field), the layer's
    activation phi and the modulator's activation tau:

        v_k = w_k . x + b_k            the pre-activation of each channel k
        s   = tau(w_m . x + b_m)       one signal for all channels
        y_k = phi(s * v_k)

    The wrapped layer shares its weights with the wrapper and is left as it is: it
    may be called by itself, wrapped again, or used in another model. Its activation
    and its activity regularizer are applied here, after the modulation. What is
    read of a layer, such as `units`, `filters` or `kernel`, is answered by the
    wrapped one.

    Where batch normalization comes between a convolution and its activation, in a
    layer of its own, wrap the convolution, as in the paper's dense block: its
    output is then scaled before it is normalized.

    The modulator is a layer of the same kind with one channel and the same window,
    so that s has one value per position. Where there is no such layer, it is an
    ungrouped convolution with one filter and the same window (depthwise, grouped),
    or a `Dense(1)` over the contracted axis (`EinsumDense`).

    Weights: those of `layer`, then those of `layer.modulator`.

    Args:
        layer: The layer to modulate: a `Dense`, an `EinsumDense`, a convolution
            (also transposed, separable or depthwise), or, together with a layer as
            `modulator`, any layer with weights that is a linear map but for its
            activation.
        modulator_activation: tau: the name of a Keras activation, `"tanhshrink"`,
            or a callable. Defaults to `"sigmoid"`, as published.
        modulator: `"shared"`, one signal for all channels; `"channelwise"`, one
            for each; or a layer that takes the input (or the context) and
            returns what tau is applied to, either of the shape of the output,
            with 1 for axes that share a value, or `(batch, 1)` or
            `(batch, channels)` for one signal at all positions. Two wrappers may
            share one in memory; a file that holds it twice does not load, as with
            Keras' own wrappers of one layer. Defaults to `"shared"`.
        activation: phi. Defaults to that of `layer`.
        modulator_use_bias: Boolean, whether the modulator has a bias. Defaults
            to whether `layer` has one. This argument and the following ones
            apply to a modulator that is created here; a layer has its own.
        modulator_kernel_initializer: Initializer of the modulator's kernel, or
            kernels. Defaults to `"glorot_uniform"`.
        modulator_bias_initializer: Initializer of the modulator's bias. Defaults
            to `"zeros"`.
        modulator_kernel_regularizer: Regularizer of the modulator's kernel.
        modulator_bias_regularizer: Regularizer of the modulator's bias.
        modulator_kernel_constraint: Constraint on the modulator's kernel.
        modulator_bias_constraint: Constraint on the modulator's bias.
        modulator_trainable: Boolean, whether the modulator is trained. Defaults
            to `True`.
        activity_regularizer: Regularizer of the output y. Defaults to that of
            `layer`.
        **kwargs: `name`, `dtype` (by default that of `layer`) and `trainable`.

    Call arguments:
        inputs: The input of `layer`.
        context: What the modulator reads in place of `inputs`: the output of
            another layer, another time step. A modulator that is created here
            takes a tensor with the axes of `inputs`, or `(batch, features)` for
            one signal at all positions. Defaults to `inputs`.

    Input shape:
        That of `layer`.

    Output shape:
        That of `layer`.

    Raises:
        ValueError: If an argument is out of its range, `layer` has no weights
            or an activation in a layer inside it, no modulator follows from it,
            the modulator's signal does not fit the output, or the number of
            features is unknown when the weights are created.

    Example:

    ```python
    import keras, keras_modact

    model = keras.Sequential([
        keras.Input((32, 32, 3)),
        keras_modact.Modulated(keras.layers.Conv2D(8, 3, activation="relu")),
        keras.layers.GlobalAveragePooling2D(),
        keras_modact.Modulated(keras.layers.Dense(10, activation="softmax")),
    ])
    assert model.count_params() == 8 * 27 + 8 + 27 + 1 + 8 * 10 + 10 + 8 + 1
    ```

    Reference:
        Sha, Schwarcz, Hong, "Context dependent modulation of activation
        function", submitted to ICLR 2019, section 2.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        modulator_activation: Any = "sigmoid",
        modulator: Any = "shared",
        activation: Any = None,
        modulator_use_bias: bool | None = None,
        modulator_kernel_initializer: Any = "glorot_uniform",
        modulator_bias_initializer: Any = "zeros",
        modulator_kernel_regularizer: Any = None,
        modulator_bias_regularizer: Any = None,
        modulator_kernel_constraint: Any = None,
        modulator_bias_constraint: Any = None,
        modulator_trainable: bool = True,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        given = constructor_arguments(locals())
        modulators.check_layer(layer)
        made_here = not isinstance(modulator, keras.layers.Layer)
        if made_here:
            validation.one_of("modulator", modulator, MODULATORS)
        else:
            parameters = inspect.signature(Modulated.__init__).parameters
            defaults = {name: parameters[name].default for name in OWN_ARGUMENTS}
            refuse_its_own_arguments("modulator", modulator, given, defaults)
        tau = activation_of(modulator_activation)
        if activation is None:
            activation = getattr(layer, "activation", None) or "linear"
        phi = validation.activation("activation", activation)
        if modulator_use_bias is not None:
            validation.truth_value("modulator_use_bias", modulator_use_bias)
        validation.truth_value("modulator_trainable", modulator_trainable)
        if activity_regularizer is None:
            activity_regularizer = layer.activity_regularizer
        regularizer = validation.regularizer(
            "activity_regularizer", activity_regularizer
        )
        kwargs.setdefault("dtype", modulators.float_policy(layer.dtype_policy))
        super().__init__(layer, activity_regularizer=regularizer, **kwargs)
        set_weight_arguments(self, WEIGHTS, given)
        self.modulator_activation = tau
        self.activation = phi
        self.modulator_use_bias = modulator_use_bias
        self.modulator_trainable = modulator_trainable
        self.modulator_kind = modulator if made_here else None
        if made_here:
            # Refuses a layer from which no modulator follows.
            self._make_modulator()
        self.modulator: Any = None if made_here else modulator
        self.supports_masking = layer.supports_masking
        self.channel_axis = modulators.channel_axis(layer)
        freeze_parts(self)

    def _make_modulator(self, vectors_to: int | None = None) -> keras.layers.Layer:
        """A modulator like the layer, or one from vectors to so many channels."""
        use_bias = self.modulator_use_bias
        if use_bias is None:
            use_bias = modulators.has_bias(self.layer)
        given = {
            "use_bias": use_bias,
            "weights": {
                "kernel": weight_kwargs(self, "modulator_kernel"),
                "bias": weight_kwargs(self, "modulator_bias"),
            },
            "name": "modulator",
            "dtype": self.dtype_policy,
            "trainable": self.trainable and self.modulator_trainable,
        }
        if vectors_to is not None:
            return modulators.of_vectors(vectors_to, **given)
        channelwise = self.modulator_kind == "channelwise"
        return modulators.like_layer(self.layer, channelwise, **given)

    def build(self, inputs_shape: Shape, context_shape: Shape | None = None) -> None:
        source = inputs_shape if context_shape is None else context_shape
        modulators.check_sizes(self._title(), self.layer, inputs_shape)
        super().build(inputs_shape)
        if not self.layer.weights:
            raise ValueError(
                f"{self._title()} modulates a layer with weights, and "
                f"{type(self.layer).__name__} '{self.layer.name}' has none. Wrap "
                "the layer before it, and give that one the activation."
            )
        output = self.layer.compute_output_shape(inputs_shape)
        modulator = self.modulator
        if modulator is None and len(source) == 2 < len(inputs_shape):
            shared = self.modulator_kind == "shared"
            modulator = self._make_modulator(1 if shared else output[self.channel_axis])
        elif modulator is None:
            modulator = self._make_modulator()
        modulators.check_sizes(self._title(), modulator, source)
        signal = output_shape(modulator, source)
        broadcast_shape(self._title(), signal, output, self.channel_axis)
        self.modulator = modulator

    def call(self, inputs: Tensor, context: Tensor | None = None) -> Tensor:
        signal = self.modulation(inputs, context)
        linear = without_activation(self.layer)
        integrated = linear(modulators.input_of(self.layer, inputs))
        integrated = ops.cast(integrated, self.compute_dtype)
        name = self._title()
        signal = broadcast(name, signal, integrated, self.channel_axis)
        return numerics.activate(self.activation, signal * integrated)

    def modulation(self, inputs: Tensor, context: Tensor | None = None) -> Tensor:
        """Returns the modulator's signal s for `inputs`, for inspection.

        `keras.Model(model.inputs, layer.modulation(layer.input))` gives it for
        whole batches, if the layer is part of a model that was built from a
        `keras.Input`; with a context it is `layer.modulation(*layer.input)`.

        Args:
            inputs: The input of the layer.
            context: What the modulator reads in place of it, if anything.

        Returns:
            The modulator's output after tau, of the shape of the layer's output,
            with one channel if it is shared.
        """
        if not self.built:
            raise ValueError(
                f"{self._title()} has no modulator before it is built. Call the "
                "layer, or put it into a model with a `keras.Input`, first."
            )
        source = inputs if context is None else context
        source = modulators.input_of(self.modulator, source)
        signal = self.modulator_activation(self.modulator(source))
        return ops.cast(signal, self.compute_dtype)

    def compute_output_shape(
        self, inputs_shape: Shape, context_shape: Shape | None = None
    ) -> Any:
        return self.layer.compute_output_shape(inputs_shape)

    def compute_mask(self, inputs: Tensor, previous_mask: Any) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)

    def get_config(self) -> dict[str, Any]:
        # What is the layer's own is in its config.
        activation, regularizer = self.activation, self.activity_regularizer
        if activation is getattr(self.layer, "activation", None):
            activation = None
        elif activation is None:
            activation = keras.activations.linear
        if regularizer is self.layer.activity_regularizer:
            regularizer = None
        config = {
            **super().get_config(),
            "modulator_activation": keras.activations.serialize(
                self.modulator_activation
            ),
            "activation": activation and keras.activations.serialize(activation),
            "activity_regularizer": keras.regularizers.serialize(regularizer),
        }
        if self.modulator_kind is None or self._modulator_has_changed():
            serialized = keras.saving.serialize_keras_object(self.modulator)
            return {**config, "modulator": serialized}
        return {
            **config,
            "modulator": self.modulator_kind,
            "modulator_use_bias": self.modulator_use_bias,
            "modulator_trainable": self.modulator_trainable,
            **weight_config(self, WEIGHTS),
        }

    def _modulator_has_changed(self) -> bool:
        """Whether the modulator is no longer as it was created here.

        It may be quantized, have low-rank adapters or be frozen by itself, and is
        saved as a layer then.
        """
        modulator = self.modulator
        return modulator is not None and (
            modulator.dtype_policy != self.dtype_policy
            or getattr(modulator, "lora_enabled", False)
            or (self.trainable and modulator.trainable != self.modulator_trainable)
        )

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> Modulated:
        return cls(**with_layers(config, ("layer", "modulator"), custom_objects))

    def __getattr__(self, name: str) -> Any:
        """Answers what is asked of a layer, such as `units`, by the wrapped one."""
        try:
            # On torch, the wrapper's own parts are found by such a method, too.
            return super().__getattr__(name)  # type: ignore[misc]
        except AttributeError:
            own = name.startswith("_") or name in OWN_ATTRIBUTES
        if own or hasattr(type(self), name):
            # Raises what a property, such as `input`, has raised.
            return object.__getattribute__(self, name)
        return getattr(self.layer, name)

    def _title(self) -> str:
        return f"Modulated '{self.name}'"
