"""The mutants of the adaptive layers."""

from __future__ import annotations

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "the diagonals are added",
        "parameterization",
        "                x = x * diagonal\n",
        "                x = x + diagonal\n",
        ("test_dense",),
    ),
    Mutant(
        "an output shape without its last leading axis",
        "parameterization",
        "        return (*input_shape[:-1], self.units)\n",
        "        return (*input_shape[:-2], self.units)\n",
        ("test_shapes",),
    ),
    Mutant(
        "the adaptation is not around 1",
        "parameterization",
        "            pi = 1 + pi\n",
        "            pi = pi\n",
        ("test_dense",),
    ),
    Mutant(
        "a GLU gates its gate",
        "parameterization",
        "return value * ops.sigmoid(gate)",
        "return gate * ops.sigmoid(value)",
        ("test_dense",),
    ),
    Mutant(
        "policies start with three times the variance",
        "parameterization",
        'VarianceScaling(1 / 3, "fan_in", "uniform")',
        'VarianceScaling(1.0, "fan_in", "uniform")',
        ("test_dense",),
    ),
    Mutant(
        "the policy drops nothing",
        "parameterization",
        "if training and self.dropout:",
        "if False:",
        ("test_dense", "test_conv2d"),
    ),
    Mutant(
        "the policy of images reads one row",
        "parameterization",
        'positions = (2, 3) if self.data_format == "channels_first" else (1, 2)',
        'positions = (2,) if self.data_format == "channels_first" else (1,)',
        ("test_conv2d",),
    ),
    Mutant(
        "the convolution's input is not adapted",
        "parameterization",
        "            x = x * of_input\n",
        "            pass\n",
        ("test_conv2d",),
    ),
    Mutant(
        "the policy does not read h",
        "parameterization",
        "of_policy + h @ kernel[self.features : above]",
        "of_policy + 0 * h @ kernel[self.features : above]",
        ("test_lstm",),
    ),
    Mutant(
        "the policy reads its z without the dropout mask",
        "parameterization",
        "z = masked(states[2], masks[1])",
        "z = states[2]",
        ("test_dropout", "test_paths"),
    ),
    Mutant(
        "the drive of the LSTM is gated by the forget gate",
        "parameterization",
        "arithmetic.sigmoid(i) * arithmetic.tanh(g)",
        "arithmetic.sigmoid(f) * arithmetic.tanh(g)",
        ("test_lstm",),
    ),
    Mutant(
        "the diagonals of the gates change places",
        "parameterization",
        "masked(of_input, pi.input_gates) + masked(of_state, pi.state_gates)",
        "masked(of_input, pi.state_gates) + masked(of_state, pi.input_gates)",
        ("test_lstm",),
    ),
    Mutant(
        "the bias of the LSTM is not adapted",
        "parameterization",
        "masked(numerics.weight_like(self.bias, u), pi.bias)",
        "numerics.weight_like(self.bias, u)",
        ("test_lstm",),
    ),
    Mutant(
        "the published slicing",
        "parameterization",
        "(4 * h, 8 * h), (4 * h, 8 * h)]",
        "(4 * h, 8 * h), (5 * h, 9 * h)]",
        ("test_lstm",),
    ),
    Mutant(
        "the config of an adaptive LSTM forgets what is adapted",
        "parameterization",
        '"adaptation": self.adaptation_name',
        '"adaptation": "io"',
        ("test_serialization",),
    ),
    Mutant(
        "the first layer of a stack reads its own z",
        "parameterization",
        "return masked(states[-1][2], masks[-1][1])",
        "return masked(states[0][2], masks[0][1])",
        ("test_lstm",),
    ),
    Mutant(
        "layers of a stack start with equal weights",
        "parameterization",
        "for_block(getattr(self, name), number)",
        "for_block(getattr(self, name), 0)",
        ("test_lstm",),
    ),
]
