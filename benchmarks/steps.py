"""A forward pass, a training step and their gradients on each backend.

The one module of the benchmarks that knows backends. Everything that is timed is
a function without arguments, which returns when the device is done.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

Layer = Any
Tensor = Any
Gradients = Callable[[Tensor, Sequence[Tensor], Tensor], list[np.ndarray]]

RATE = 1e-5
"""Of the SGD update: small, so that 30 steps leave every network as it was."""


class Backend(abc.ABC):
    """What the benchmarks ask of a backend.

    Args:
        jit: Whether TensorFlow compiles by XLA; None for what Keras does, which
            is to do so where a GPU is visible. JAX always compiles, and torch
            never does.
    """

    jit = False

    def __init__(self, jit: bool | None = None) -> None:
        # So that neither this process nor its children hold the whole device.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        # Read by cuBLAS and cuDNN when the first product is computed.
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"

    def allow_tf32(self) -> None:
        """Lets a GPU round what goes into a product of float32 to TF32."""
        os.environ.pop("NVIDIA_TF32_OVERRIDE", None)

    def offers(self, library: str) -> bool:
        """Whether layers of `"keras"` or `"torch"` run here."""
        return library == "keras"

    def native(
        self, name: str, features: int, units: int, dtype: str = "float32"
    ) -> Layer:
        """A recurrent layer of the backend's own, as `torch.nn.GRU`."""
        raise ValueError(
            f"{keras.backend.backend()} has no recurrent layer of its own here, "
            f"received {name!r}. Layers of torch.nn run with KERAS_BACKEND=torch."
        )

    def native_cell(self, name: str, features: int, units: int) -> Layer:
        """A cell of the backend's own, from `[x, *states]` to `[y, *states]`."""
        raise ValueError(f"{keras.backend.backend()} has no cell {name!r} of its own.")

    @abc.abstractmethod
    def accelerator(self) -> str | None:
        """The name of the accelerator in use, or None on a CPU."""

    @abc.abstractmethod
    def precision(self) -> str:
        """How products of float32 are set to be computed."""

    @abc.abstractmethod
    def threads(self) -> int | None:
        """Threads of one operation, or None where the backend does not say."""

    @abc.abstractmethod
    def device_memory(self) -> tuple[int, int]:
        """Bytes in use on the accelerator, and the most since the last call."""

    @abc.abstractmethod
    def forward(self, layer: Layer, inputs: Any) -> Callable[..., Any]:
        """Inference.

        Args:
            layer: From a tensor, or from a list of them to a list.
            inputs: A tensor or a list.

        Returns:
            A function that returns the outputs, of these inputs or of others of
            their shapes that it is called on.
        """

    @abc.abstractmethod
    def train_step(
        self, layer: Layer, inputs: Tensor, targets: Tensor
    ) -> Callable[[], float]:
        """A training step: mean squared error, backward, SGD on all weights.

        Returns:
            A function that trains one step further with each call, and returns
            the loss before it.
        """

    @abc.abstractmethod
    def gradients(self, layer: Layer) -> Gradients:
        """The gradients of the sum of `upstream * outputs`.

        Returns:
            A function of inputs, initial states and `upstream`. It returns the
            outputs, then the gradients by the inputs, by each initial state and
            by each trainable weight.
        """


class Torch(Backend):
    """Eager torch."""

    def __init__(self, jit: bool | None = None) -> None:
        super().__init__(jit)
        if jit:
            raise ValueError(
                "torch is measured eagerly, received jit=True: torch.compile "
                "unrolls a loop over time and takes hours. Leave --jit out."
            )
        import torch

        self.torch = torch
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False

    def allow_tf32(self) -> None:
        super().allow_tf32()
        self.torch.backends.cuda.matmul.allow_tf32 = True
        self.torch.backends.cudnn.allow_tf32 = True

    def offers(self, library: str) -> bool:
        return library in ("keras", "torch")

    def native(
        self, name: str, features: int, units: int, dtype: str = "float32"
    ) -> Layer:
        if name not in ("RNN", "GRU", "LSTM"):
            raise ValueError(
                f"torch.nn has no recurrent layer {name!r}. It has RNN, GRU and LSTM."
            )

        base: Any = getattr(self.torch.nn, name)

        class Outputs(base):
            def forward(self, inputs: Tensor) -> Tensor:
                return super().forward(inputs)[0]

        device = keras.ops.zeros(1).device
        layer = Outputs(features, units, batch_first=True)
        return layer.to(device, getattr(self.torch, dtype))

    def native_cell(self, name: str, features: int, units: int) -> Layer:
        base: Any = getattr(self.torch.nn, name)

        class Step(base):
            def forward(self, tensors: list[Tensor]) -> list[Tensor]:
                x, *states = tensors
                new = super().forward(x, states if len(states) > 1 else states[0])
                new = new if isinstance(new, tuple) else (new,)
                return [new[0], *new]

        return Step(features, units).to(keras.ops.zeros(1).device)

    def accelerator(self) -> str | None:
        available = self.torch.cuda.is_available()
        return self.torch.cuda.get_device_name() if available else None

    def precision(self) -> str:
        matmul, cudnn = self.torch.backends.cuda.matmul, self.torch.backends.cudnn
        return f"TF32 in products {matmul.allow_tf32}, in cuDNN {cudnn.allow_tf32}"

    def threads(self) -> int | None:
        return self.torch.get_num_threads()

    def device_memory(self) -> tuple[int, int]:
        cuda = self.torch.cuda
        peak = cuda.max_memory_allocated()
        cuda.reset_peak_memory_stats()
        return cuda.memory_allocated(), peak

    def forward(self, layer: Layer, inputs: Any) -> Callable[..., Any]:
        def run(inputs: Any = inputs) -> Any:
            with self.torch.no_grad():
                outputs = layer(inputs)
            self._synchronize()
            return outputs

        return run

    def train_step(
        self, layer: Layer, inputs: Tensor, targets: Tensor
    ) -> Callable[[], float]:
        weights = [w for w in layer.parameters() if w.requires_grad]
        training = {"training": True} if isinstance(layer, keras.layers.Layer) else {}

        def run() -> float:
            outputs = layer(inputs, **training)
            loss = self.torch.nn.functional.mse_loss(outputs, targets)
            gradients = self.torch.autograd.grad(loss, weights)
            with self.torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.sub_(gradient, alpha=RATE)
            self._synchronize()
            return loss.item()

        return run

    def gradients(self, layer: Layer) -> Gradients:
        def run(
            inputs: Tensor, states: Sequence[Tensor], upstream: Tensor
        ) -> list[np.ndarray]:
            data = [t.detach().clone().requires_grad_() for t in (inputs, *states)]
            outputs = layer(data[0], initial_state=data[1:], training=True)
            by = [*data, *(w.value for w in layer.trainable_variables)]
            gradients = self.torch.autograd.grad((outputs * upstream).sum(), by)
            return [t.detach().cpu().numpy() for t in (outputs, *gradients)]

        return run

    def _synchronize(self) -> None:
        if self.torch.cuda.is_available():
            self.torch.cuda.synchronize()


class Jax(Backend):
    """JAX, compiled ahead of the first call."""

    jit = True

    def __init__(self, jit: bool | None = None) -> None:
        super().__init__(jit)
        import jax

        self.jax = jax
        jax.config.update("jax_default_matmul_precision", "highest")

    def allow_tf32(self) -> None:
        super().allow_tf32()
        self.jax.config.update("jax_default_matmul_precision", "tensorfloat32")

    def accelerator(self) -> str | None:
        device = self.jax.devices()[0]
        return None if device.platform == "cpu" else device.device_kind

    def precision(self) -> str:
        return f"matmul precision {self.jax.config.jax_default_matmul_precision}"

    def threads(self) -> int | None:
        return None

    def device_memory(self) -> tuple[int, int]:
        statistics = self.jax.devices()[0].memory_stats()
        return statistics["bytes_in_use"], statistics["peak_bytes_in_use"]

    def forward(self, layer: Layer, inputs: Any) -> Callable[..., Any]:
        weights, others = _values(layer)

        def outputs(weights: Any, others: Any, inputs: Any) -> Any:
            return layer.stateless_call(weights, others, inputs)[0]

        compiled = self.jax.jit(outputs).lower(weights, others, inputs).compile()
        return lambda inputs=inputs: self.jax.block_until_ready(
            compiled(weights, others, inputs)
        )

    def train_step(
        self, layer: Layer, inputs: Tensor, targets: Tensor
    ) -> Callable[[], float]:
        weights, others = _values(layer)

        def loss_of(weights: Any, others: Any, inputs: Tensor, targets: Any) -> Any:
            outputs, _ = layer.stateless_call(weights, others, inputs, training=True)
            return self.jax.numpy.mean((outputs - targets) ** 2)

        def step(weights: Any, others: Any, inputs: Tensor, targets: Any) -> Any:
            loss, gradients = self.jax.value_and_grad(loss_of)(
                weights, others, inputs, targets
            )
            pairs = zip(weights, gradients, strict=True)
            return loss, [weight - RATE * gradient for weight, gradient in pairs]

        lowered = self.jax.jit(step).lower(weights, others, inputs, targets)
        compiled = lowered.compile()

        def run() -> float:
            nonlocal weights
            done = compiled(weights, others, inputs, targets)
            loss, weights = self.jax.block_until_ready(done)
            return float(loss)

        return run

    def gradients(self, layer: Layer) -> Gradients:
        def total(
            inputs: Tensor, states: Any, weights: Any, others: Any, upstream: Tensor
        ) -> tuple[Tensor, Tensor]:
            outputs, _ = layer.stateless_call(
                weights, others, inputs, initial_state=states, training=True
            )
            return (outputs * upstream).sum(), outputs

        both = self.jax.jit(
            self.jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True)
        )

        def run(
            inputs: Tensor, states: Sequence[Tensor], upstream: Tensor
        ) -> list[np.ndarray]:
            (_, outputs), gradients = both(
                inputs, list(states), *_values(layer), upstream
            )
            return [np.asarray(t) for t in self.jax.tree.leaves((outputs, gradients))]

        return run


class TensorFlow(Backend):
    """`tf.function`, with XLA or without."""

    def __init__(self, jit: bool | None = None) -> None:
        super().__init__(jit)
        import tensorflow as tf

        self.tf = tf
        tf.config.experimental.enable_tensor_float_32_execution(False)
        gpus = tf.config.list_physical_devices("GPU")
        self.jit = bool(gpus) if jit is None else jit

    def allow_tf32(self) -> None:
        super().allow_tf32()
        self.tf.config.experimental.enable_tensor_float_32_execution(True)

    def accelerator(self) -> str | None:
        gpus = self.tf.config.list_physical_devices("GPU")
        if not gpus:
            return None
        details = self.tf.config.experimental.get_device_details(gpus[0])
        return details.get("device_name", gpus[0].name)

    def precision(self) -> str:
        enabled = self.tf.config.experimental.tensor_float_32_execution_enabled()
        return f"TF32 {enabled}"

    def threads(self) -> int | None:
        # 0 stands for one a core.
        return self.tf.config.threading.get_intra_op_parallelism_threads() or None

    def device_memory(self) -> tuple[int, int]:
        experimental = self.tf.config.experimental
        info = experimental.get_memory_info("GPU:0")
        experimental.reset_memory_stats("GPU:0")
        return info["current"], info["peak"]

    def forward(self, layer: Layer, inputs: Any) -> Callable[..., Any]:
        @self.tf.function(jit_compile=self.jit)
        def outputs_and_number(inputs: Any) -> tuple[Any, Tensor]:
            outputs = layer(inputs)
            first = self.tf.nest.flatten(outputs)[0]
            return outputs, self.tf.reshape(first, [-1])[-1]

        traced = outputs_and_number.get_concrete_function(inputs)

        def run(inputs: Any = inputs) -> Any:
            outputs, number = traced(inputs)
            # One number on the host says that the outputs are there.
            number.numpy()
            return outputs

        return run

    def train_step(
        self, layer: Layer, inputs: Tensor, targets: Tensor
    ) -> Callable[[], float]:
        weights = [w.value for w in layer.trainable_variables]

        @self.tf.function(jit_compile=self.jit)
        def step(inputs: Tensor, targets: Tensor) -> Tensor:
            with self.tf.GradientTape() as tape:
                outputs = layer(inputs, training=True)
                loss = self.tf.reduce_mean(
                    self.tf.math.squared_difference(outputs, targets)
                )
            pairs = zip(weights, tape.gradient(loss, weights), strict=True)
            updates = [weight.assign_sub(RATE * gradient) for weight, gradient in pairs]
            # The loss waits for the update, and the host for the loss.
            with self.tf.control_dependencies(updates):
                return self.tf.identity(loss)

        traced = step.get_concrete_function(inputs, targets)
        return lambda: float(traced(inputs, targets).numpy())

    def gradients(self, layer: Layer) -> Gradients:
        weights = [w.value for w in layer.trainable_variables]

        @self.tf.function(jit_compile=self.jit)
        def both(inputs: Tensor, states: list[Tensor], upstream: Tensor) -> list:
            with self.tf.GradientTape() as tape:
                tape.watch([inputs, *states])
                outputs = layer(inputs, initial_state=states, training=True)
                total = self.tf.reduce_sum(outputs * upstream)
            return [outputs, *tape.gradient(total, [inputs, *states, *weights])]

        def run(
            inputs: Tensor, states: Sequence[Tensor], upstream: Tensor
        ) -> list[np.ndarray]:
            return [t.numpy() for t in both(inputs, list(states), upstream)]

        return run


def _values(layer: Layer) -> tuple[list[Tensor], list[Tensor]]:
    """The values of a layer's trainable and its other variables."""
    return (
        [w.value for w in layer.trainable_variables],
        [w.value for w in layer.non_trainable_variables],
    )


BACKENDS: dict[str, Callable[[bool | None], Backend]] = {
    "torch": Torch,
    "jax": Jax,
    "tensorflow": TensorFlow,
}


def backend(jit: bool | None = None) -> Backend:
    """The backend of this process, set to true float32 products."""
    return BACKENDS[keras.backend.backend()](jit)
