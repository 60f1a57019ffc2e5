"""The adaptive feed-forward layer (Flennerhag et al. 2018, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, pairwise
from typing import Any

import keras
from keras import ops

from keras_modact.parameterization.policy import (
    AdaptationPolicy,
    adapted_diagonals,
    checked_rank,
    named,
)
from keras_modact.utils import conversion, numerics, validation
from keras_modact.utils.layers import freeze_parts, not_quantized, with_layers
from keras_modact.utils.low_rank import LowRankAdditions
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import (
    set_weight_arguments,
    weight_config,
    weight_kwargs,
)

WEIGHTS = ("kernel", "bias")
LORA = ("lora_rank", "lora_alpha")
"""Arguments of Keras' layers with which `enable_lora` is called at once."""
DENSE = (
    *conversion.ANY_LAYER,
    "units",
    "activation",
    "use_bias",
    *conversion.of_weights(*WEIGHTS),
)
"""The constructor arguments of a dense layer that this one has too."""
Shape = Sequence[int | None]


@keras.saving.register_keras_serializable(package="keras_modact")
class AdaptiveDense(keras.layers.Layer):
    """Dense layer that adapts its weight matrix to each input.

    Use it in place of `keras.layers.Dense` where different regions of the input
    need different linear maps: a small network, the policy, scales the rows, the
    columns or the singular values of the kernel for each sample. No per-sample
    kernel is materialized.

    With x a row vector, `@` the matrix product, the policy's latent z, and
    "1 +" with `around_one` only:

        y = phi((x * d_1) @ W_1 * d_2 @ ... @ W_(q-1) * d_q + b * d_(q+1))
        d_j = [1 +] tau(z @ U_j), or 1 where `adaptation` says False
        z = relu(x P + p), or (x P1 + p1) * sigma(x P2 + p2)

    `adaptation="input"` is (True, False): (x * d_1) @ W. The paper's W acts from
    the left, so that this scales its columns. `"output"` is (False, True):
    x @ W * d_2, which scales its rows. `"io"` is (True, True): (x * d_1) @ W * d_2,
    which scales sub-matrices. `"sva"` is (False, True, False): x @ W_1 * d_2 @ W_2,
    which scales singular values as long as both kernels are orthogonal.

    As published, tau is tanh and the diagonals start near 0: a new layer has
    small outputs. With `around_one=True` it starts as the `Dense` layer with the
    same kernel and bias.

    Weights: in the list `layer.kernels` the one `kernel` (features, units), or
    for q above 2 `kernel_1` to `kernel_<q-1>`; `bias` (units); and of
    `layer.policy`: `kernel` P, `bias` p and `adaptation_kernel` (policy_units,
    sum of what is adapted), the U_j side by side, in the order j = 1 ... q + 1.

    Args:
        units: Positive integer, the number of outputs.
        activation: phi: the name of a Keras activation or a callable. Defaults
            to `None`, which is linear.
        use_bias: Boolean, whether there is a bias. Defaults to `True`.
        kernel_initializer: Initializer of the kernels. Defaults to `None`:
            `"glorot_uniform"` for one kernel, `"orthogonal"` for several, which
            gives the semi-orthogonal matrices of the paper's SVA.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of the kernels.
        bias_regularizer: Regularizer of `bias`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on the kernels.
        bias_constraint: Constraint on `bias`.
        adaptation: `"input"`, `"output"`, `"io"` or `"sva"`, or a tuple of q
            Booleans for d_1 ... d_q: whether it is adapted (True) or 1 (False).
            There are q - 1 kernels. Defaults to `"io"`. This and the arguments
            below are passed by name; those above come in the order of
            `keras.layers.Dense`.
        rank: For q of at least 3, the sizes between the kernels: a positive
            integer, or a tuple of q - 2 of them. Defaults to the smaller one of
            features and units, as in a full singular value decomposition.
        adapt_bias: Boolean, whether the bias is adapted, by d_(q+1). Defaults to
            `True`, as in the paper.
        policy: The network for z: `"relu"`, `"glu"` (a gated linear unit, as the
            paper uses for regression), or a Keras layer that gives z, of any
            size, from the inputs, and has its own initializers and regularizers.
            Give each adaptive layer one of its own. Defaults to `"relu"`.
        policy_units: Positive integer, the size of z. Defaults to 32, or to the
            output size of a policy layer.
        policy_activation: tau: the name of a Keras activation or a callable.
            Defaults to `"tanh"`.
        around_one: Boolean, whether d_j = 1 + tau(z U_j) in place of tau(z U_j),
            with U starting at zero. Defaults to `False`, as in the paper.
        policy_dropout: Float in [0, 1), fraction of z to drop in training.
        policy_kernel_initializer: Initializer of P (of P1 and P2 each). Defaults
            to `"glorot_uniform"`.
        policy_bias_initializer: Initializer of p. Defaults to `"zeros"`.
        adaptation_initializer: Initializer of U. Defaults to `None`: uniform
            in [-k, k] with k = 1 / sqrt(policy_units), or zeros with `around_one`.
        policy_kernel_regularizer: Regularizer of P.
        policy_bias_regularizer: Regularizer of p.
        adaptation_regularizer: Regularizer of U.
        seed: Integer seed of `policy_dropout`, or None.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor `(batch, ..., features)`.
        training: Boolean, whether `policy_dropout` is applied.

    Input shape:
        `(batch, ..., features)`; the kernel is adapted to each vector along the
        last axis separately.

    Output shape:
        `(batch, ..., units)`.

    Raises:
        ValueError: If an argument is invalid, nothing would be adapted, the
            number of features is unknown at build time, or a policy layer's
            output shape is not `(batch, ..., policy_units)`.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((2,)),
        keras_modact.AdaptiveDense(2, adaptation="sva", policy="glu", policy_units=4),
        keras_modact.AdaptiveDense(1, adaptation="sva", policy="glu", policy_units=4),
    ])
    assert model.predict(np.ones((5, 2)), verbose=0).shape == (5, 1)
    singular_values = model.layers[0].adaptation(np.ones((5, 2)))[1]
    assert singular_values.shape == (5, 2)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 2
        to 5.
    """

    kernel_regularizer: Any
    kernel_constraint: Any

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        adaptation: str | Sequence[bool] = "io",
        rank: int | Sequence[int] | None = None,
        adapt_bias: bool = True,
        policy: Any = "relu",
        policy_units: int | None = None,
        policy_activation: Any = "tanh",
        around_one: bool = False,
        policy_dropout: float = 0.0,
        policy_kernel_initializer: Any = "glorot_uniform",
        policy_bias_initializer: Any = "zeros",
        adaptation_initializer: Any = None,
        policy_kernel_regularizer: Any = None,
        policy_bias_regularizer: Any = None,
        adaptation_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = constructor_arguments(locals())
        lora = [kwargs.pop(name, None) for name in LORA]
        units = validation.positive_integer("units", units)
        adapted = adapted_diagonals(adaptation)
        rank = checked_rank(rank, len(adapted))
        phi = validation.activation(
            "activation", "linear" if activation is None else activation
        )
        use_bias = validation.truth_value("use_bias", use_bias)
        adapt_bias = validation.truth_value("adapt_bias", adapt_bias)
        if not any(adapted) and not (use_bias and adapt_bias):
            raise ValueError(
                "One of the diagonals must be adapted, received adaptation="
                f"{adaptation!r}, use_bias={use_bias}, adapt_bias={adapt_bias}. Set "
                "one of them to True, or use `keras.layers.Dense`."
            )
        if kernel_initializer is None:
            several = len(adapted) > 2
            given["kernel_initializer"] = "orthogonal" if several else "glorot_uniform"
        regularizer = validation.regularizer(
            "activity_regularizer", activity_regularizer
        )
        super().__init__(activity_regularizer=regularizer, **kwargs)
        set_weight_arguments(self, WEIGHTS, given)
        self.policy = AdaptationPolicy(given, name="policy", dtype=self.dtype_policy)
        self.lora = LowRankAdditions(name="lora")
        self.lora_rank, self.lora_alpha = lora
        self.units = units
        self.adapted = adapted
        self.rank = rank
        self.activation = phi
        self.use_bias = use_bias
        self.adapt_bias = adapt_bias
        self.supports_masking = True
        freeze_parts(self)

    def build(self, input_shape: Shape) -> None:
        widths = self._widths(input_shape)
        self.kernels = [
            self.add_weight(
                name="kernel" if len(widths) == 2 else f"kernel_{number}",
                shape=shape,
                **weight_kwargs(self, "kernel"),
            )
            for number, shape in enumerate(pairwise(widths), start=1)
        ]
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.units,), **weight_kwargs(self, "bias")
            )
        sizes = [*compress(widths, self.adapted)]
        if self.use_bias and self.adapt_bias:
            sizes.append(self.units)
        self.policy.sizes = tuple(sizes)
        self.policy.build(input_shape)
        if self.lora_rank is not None:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def _widths(self, input_shape: Shape) -> list[int]:
        """The sizes before, between and after the kernels."""
        name = f"AdaptiveDense '{self.name}'"
        features = input_shape[-1]
        if len(input_shape) < 2 or features is None:
            raise ValueError(
                f"{name} needs the number of input features, the last axis of "
                f"(batch, ..., features), received the shape {tuple(input_shape)}. "
                "Give that axis a size, for example with `keras.Input((8,))`."
            )
        if len(self.adapted) == 1:
            if features != self.units:
                raise ValueError(
                    f"{name} has one diagonal and no kernel, so that units must be "
                    f"the number of features, received units={self.units} and "
                    f"{features} features. Pass units={features}, or a longer "
                    "`adaptation`."
                )
            return [features]
        between = len(self.adapted) - 2
        rank = min(features, self.units) if self.rank is None else self.rank
        ranks = [rank] * between if isinstance(rank, int) else list(rank)
        return [features, *ranks, self.units]

    @property
    def kernel(self) -> Any:
        """The kernel of a built layer with one, the adaptations of two diagonals.

        With low-rank additions it is the sum, a tensor.
        """
        if not self.built or len(self.kernels) != 1:
            raise AttributeError(
                f"AdaptiveDense '{self.name}' has no single `kernel`: it is not built, "
                f"or its adaptation={named(self.adapted)!r} has not two diagonals. "
                "Build it, or read `kernels`."
            )
        return self.lora.added_to(0, self.kernels[0])

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        x = numerics.as_float(inputs, self.compute_dtype)
        self._check(x.shape)
        *diagonals, of_bias = self._diagonals(x, training)
        for number, diagonal in enumerate(diagonals):
            if number:
                kernel = self.lora.added_to(number - 1, self.kernels[number - 1])
                x = numerics.matmul(x, kernel)
            if diagonal is not None:
                x = x * diagonal
        if self.use_bias:
            bias = numerics.weight_like(self.bias, x)
            x = x + (bias if of_bias is None else bias * of_bias)
        return numerics.activate(self.activation, x)

    def adaptation(self, inputs: Any) -> tuple[Tensor | None, ...]:
        """Returns the diagonals for `inputs`, for inspection.

        `keras.Model(model.inputs, layer.adaptation(layer.input)[1])` gives the
        second one for whole batches, if the layer is part of a model that was
        built from a `keras.Input`.

        Args:
            inputs: Tensor `(batch, ..., features)`.

        Returns:
            d_1 ... d_q and d_(q+1), that of the bias, each
            `(batch, ..., size)`, or None where it is 1.
        """
        inputs = self.policy.readable(inputs)
        self._check(inputs.shape)
        return tuple(self._diagonals(inputs, training=False))

    @property
    def lora_enabled(self) -> bool:
        """Whether the kernels have low-rank additions."""
        return bool(self.lora.rank)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freezes the kernels and trains additions of a low rank to them instead.

        As `keras.layers.Dense.enable_lora`: a kernel W becomes
        W + A @ B * lora_alpha / rank. The policy and the bias are trained as before;
        to train less, set `layer.policy.trainable` to `False`. A model that was
        compiled before is compiled again. A file has W with what is added to it.

        Args:
            rank: Positive integer, the columns of A and the rows of B.
            lora_alpha: Number that scales A @ B. Defaults to `rank`.
            a_initializer: Initializer of A. Defaults to `"he_uniform"`.
            b_initializer: Initializer of B. Defaults to `"zeros"`, by which the
                layer computes at first what it did.

        Raises:
            ValueError: If the layer is not built, has no kernel, has additions
                already or a `kernel_constraint`, which would not see them.
        """
        rank = validation.positive_integer("rank", rank)
        name = f"AdaptiveDense '{self.name}'"
        if not self.built and not hasattr(self, "kernels"):
            raise ValueError(
                f"{name} has no kernels to add to before it is built. Call it, or "
                "put it into a model with a `keras.Input`, first."
            )
        problem = None
        if not self.kernels:
            problem = "has no kernel, by its `adaptation`"
        elif self.lora_enabled:
            problem = f"has additions already, of rank {self.lora.rank}"
        elif self.kernel_constraint is not None:
            problem = "has a `kernel_constraint`, which would not hold for the sum"
        if problem:
            raise ValueError(f"{name} {problem}. Make a new layer without it.")
        initializers = a_initializer, b_initializer
        self.lora.add(
            self.kernels, rank, lora_alpha, initializers, self.kernel_regularizer
        )
        self.lora_rank, self.lora_alpha = rank, self.lora.alpha

    def save_own_variables(self, store: Any) -> None:
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        summed = [self.lora.added_to(*one) for one in enumerate(self.kernels)]
        values = [ops.cast(kernel, self.variable_dtype) for kernel in summed]
        if self.bias is not None:
            values.append(self.bias)
        for place, value in enumerate(values):
            store[str(place)] = value

    quantize = not_quantized

    def _diagonals(self, x: Tensor, training: bool) -> list[Tensor | None]:
        made = iter(self.policy(x, training=training))
        adapted = (*self.adapted, self.use_bias and self.adapt_bias)
        return [next(made) if wanted else None for wanted in adapted]

    def _check(self, shape: Shape) -> None:
        built_for = self.policy.features if self.built else None
        features = numerics.static_shape(shape)[-1]
        if built_for is not None and features not in (None, built_for):
            raise ValueError(
                f"AdaptiveDense '{self.name}' was built for {built_for} features, "
                f"received the shape {tuple(shape)}. Pass {built_for} features, or "
                "make a new layer."
            )

    def compute_output_shape(self, input_shape: Shape) -> tuple[int | None, ...]:
        self._check(input_shape)
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "adaptation": named(self.adapted),
            "rank": self.rank,
            "activation": validation.activation_config(self.activation),
            "use_bias": self.use_bias,
            "adapt_bias": self.adapt_bias,
            **self.policy.arguments(),
            "activity_regularizer": keras.regularizers.serialize(
                self.activity_regularizer
            ),
            **weight_config(self, WEIGHTS),
            **{name: value for name in LORA if (value := getattr(self, name))},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> AdaptiveDense:
        return cls(**with_layers(config, ("policy",), custom_objects))

    @classmethod
    def from_dense(
        cls, layer: keras.layers.Dense, adaptation: Any = "io", **kwargs: Any
    ) -> AdaptiveDense:
        """Returns an adaptive layer that computes what a dense one does, until trained.

        It is one with `around_one=True` whose policy starts at zero, and the dense
        layer's weights.

        Args:
            layer: A built `keras.layers.Dense`. It is not changed.
            adaptation: As in the constructor, of those with one kernel.
            **kwargs: Further arguments of the constructor, those that the layer
                does not answer; `name`, in place of the layer's own.

        Raises:
            ValueError: If the layer is no built `keras.layers.Dense`, or one with
                low-rank additions or quantized; if `adaptation` has not one kernel,
                or `policy_activation` is not 0 at 0.

        Example:

        ```python
        import numpy as np, keras, keras_modact

        x = np.ones((2, 3), "float32")
        dense = keras.layers.Dense(16)
        outputs = dense(x)
        layer = keras_modact.AdaptiveDense.from_dense(dense)
        assert keras.ops.max(keras.ops.abs(layer(x) - outputs)) < 1e-6
        ```
        """
        method = "AdaptiveDense.from_dense"
        conversion.check_source(method, layer, keras.layers.Dense)
        if len(adapted_diagonals(adaptation)) != 2:
            raise ValueError(
                f"`{method}` needs an `adaptation` with one kernel, that of the layer, "
                f"received adaptation={adaptation!r}. Pass 'input', 'output' or 'io'."
            )
        given = conversion.around_one(method, layer, DENSE, kwargs)
        made = cls(adaptation=adaptation, **given)
        made.build((None, layer.kernel.shape[0]))
        made.kernels[0].assign(conversion.array(layer.kernel))
        if made.bias is not None:
            made.bias.assign(conversion.array(layer.bias))
        return made
