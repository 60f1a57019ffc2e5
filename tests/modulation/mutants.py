"""The mutants of the modulators."""

from __future__ import annotations

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "an LSTM's modulator reads the context and the gates read it too",
        "modulation",
        "x = inputs[..., : -self.context_features]",
        "x = inputs[..., self.context_features :]",
        ("test_driven_lstm",),
    ),
    Mutant(
        "the signal is added",
        "modulation",
        "numerics.activate(self.activation, signal * integrated)",
        "numerics.activate(self.activation, signal + integrated)",
        ("test_modulated",),
    ),
    Mutant(
        "the modulator has no activation",
        "modulation",
        "self.modulator_activation(self.modulator(source))",
        "self.modulator(source)",
        ("test_modulated",),
    ),
    Mutant(
        "the context is not read",
        "modulation",
        "source = inputs if context is None else context",
        "source = inputs",
        ("test_modulated",),
    ),
    Mutant(
        "a shared modulator has a channel for each",
        "modulation",
        'made["units"] = 1',
        "pass",
        ("test_modulated",),
    ),
    Mutant(
        "the modulator has a bias always",
        "modulation",
        'config.get("use_bias", config.get("bias_axes"))',
        "True",
        ("test_modulated",),
    ),
    Mutant(
        "the config forgets that the modulator is frozen",
        "modulation",
        '            "modulator_trainable": self.modulator_trainable,\n',
        "",
        ("test_serialization",),
    ),
    Mutant(
        "a frozen layer's modulator trains",
        "modulation",
        '"trainable": self.trainable and self.modulator_trainable',
        '"trainable": self.modulator_trainable',
        ("test_frozen",),
    ),
    Mutant(
        "the activation acts before the modulation, too",
        "modulation",
        "linear = without_activation(self.layer)",
        "linear = self.layer",
        ("test_modulated",),
    ),
    Mutant(
        "a quantized modulator is saved as the arguments it was made from",
        "modulation",
        "modulator.dtype_policy != self.dtype_policy",
        "False",
        ("test_modulated",),
    ),
    Mutant(
        "start_unchanged scales both maps of a separable convolution",
        "modulation",
        "(layer.kernel if pointwise is None else pointwise, layer.bias)",
        "layer.weights",
        ("test_modulate",),
    ),
    Mutant(
        "what adapt has found is not copied",
        "utils",
        "        target.load_own_variables(of_file)\n",
        "        pass\n",
        ("test_cloning",),
    ),
    Mutant(
        "the forward layer of a Bidirectional keeps the weights it was drawn with",
        "utils",
        'with_state.append((parts["layer"], made.forward_layer))',
        "pass",
        ("test_exchange",),
    ),
    Mutant(
        "an LSTM that is modulated gets a candidate of half the size",
        "modulation",
        "[i, f, g / signal, o, m]",
        "[i, f, g, o, m]",
        ("test_exchange", "test_from_lstm"),
    ),
    Mutant(
        "tanhshrink is not odd",
        "modulation",
        "def modulator_activation(value: Any) -> Callable[[Tensor], Tensor]:",
        "_odd = tanhshrink\n\n\ndef tanhshrink(x):  # noqa: F811\n    return "
        "_odd(ops.abs(x))\n\n\ndef modulator_activation(value: Any) -> "
        "Callable[[Tensor], Tensor]:",
        ("test_tanhshrink",),
    ),
    Mutant(
        "the fifth gate scales the candidate's output",
        "modulation",
        "self._activate(gates.modulation * gates.integration)",
        "gates.modulation * self._activate(gates.integration)",
        ("test_lstm",),
    ),
    Mutant(
        "modulates='output' scales the slope",
        "modulation",
        "gates.modulation * self._activate(gates.integration)",
        "self._activate(gates.modulation * gates.integration)",
        ("test_lstm",),
    ),
    Mutant(
        "the gates of input and forget change places",
        "modulation",
        "i, f, g, o, m = arithmetic.split(",
        "f, i, g, o, m = arithmetic.split(",
        ("test_lstm",),
    ),
    Mutant(
        "the state is read without its dropout mask",
        "modulation",
        "self._gates(projected, numerics.masked(h, recurrent_mask))",
        "self._gates(projected, h)",
        ("test_dropout", "test_paths"),
    ),
    Mutant(
        "the bias of the forget gate starts at 0",
        "modulation",
        "            if self.unit_forget_bias:\n",
        "            if False:\n",
        ("test_lstm",),
    ),
]
