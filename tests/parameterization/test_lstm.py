"""The adaptive LSTM against equations 6 to 10, and against Keras' LSTM."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests import oracle as shared
from tests.gradients import as_float64, differentiate
from tests.parameterization import oracle
from tests.recurrent_oracle import check_in_float64

CASES: dict[str, dict[str, Any]] = {
    "recurrent": {},
    "static": {"policy": "static"},
    "input": {"adaptation": "input"},
    "output": {"adaptation": "output", "policy": "static"},
    "fixed_bias": {"adapt_bias": False, "around_one": True},
    "published": {"slicing": "published"},
}
STACKS = {"stack_of_1": (2,), "stack_of_2": (3, 2), "stack_of_3": (2, 3, 2)}
POLICY_UNITS = 2


def one(x: Any) -> Any:
    """The adaptation that does nothing, with a gradient of 0."""
    return 1 + 0 * x


def built(case: str, units: int, features: int, seed: int, **arguments: Any) -> Any:
    """A layer with random weights."""
    arguments = {"return_sequences": True, **arguments}
    if case in STACKS:
        layer = keras_modact.StackedAdaptiveLSTM(
            STACKS[case], POLICY_UNITS, **arguments
        )
    else:
        layer = keras_modact.AdaptiveLSTM(
            units, POLICY_UNITS, **CASES[case], **arguments
        )
    layer.build((None, None, features))
    random = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.7, weight.shape))
    return layer


def step_of(layer: Any, case: str) -> Any:
    """The oracle's step by the layer's weights in one list."""
    if case in STACKS:

        def stacked(x: np.ndarray, states: list, weights: list) -> list:
            of_layers = [weights[at : at + 7] for at in range(0, len(weights), 7)]
            return oracle.stacked_step(x, states, of_layers)

        return stacked
    arguments = dict(CASES[case])
    cell = layer.cell
    columns = cell.features + 13 * cell.units
    cut = oracle.slices(cell.features, cell.units, "exact")
    adaptation = arguments.get("adaptation", "io")
    present = [
        *[adaptation in ("input", "io")] * 2,
        *[adaptation in ("output", "io")] * 2,
        arguments.get("adapt_bias", True),
    ]

    def single(x: np.ndarray, states: list, weights: list) -> list:
        *others, adapting = weights
        if adapting.shape[1] < columns:
            # The oracle has a column for every diagonal, the layer for the adapted.
            whole = np.zeros((adapting.shape[0], columns))
            start = 0
            for at, there in zip(cut, present, strict=True):
                if there:
                    size = at.stop - at.start
                    whole[:, at] = adapting[:, start : start + size]
                    start += size
            assert start == adapting.shape[1]
            adapting = whole
        return oracle.adaptive_step(x, states, [*others, adapting], **arguments)

    return single


def random_states(layer: Any, batch: int, random: Any) -> list[np.ndarray]:
    return [
        random.uniform(-1, 1, (batch, *shape)).astype("float32")
        for shape in layer.cell.state_shapes()
    ]


@pytest.mark.parametrize("case", [*CASES, *STACKS])
def test_sizes_of_one(case: str) -> None:
    """In float32; a size of one is where broadcasting hides a wrong axis."""
    batch, time, features, units = 1, 3, 1, 1
    layer = built(case, units, features, 0)
    weights = [as_float64(w) for w in layer.weights]
    random = np.random.default_rng(1)
    x = random.normal(size=(batch, time, features)).astype("float32")
    states = random_states(layer, batch, random)
    step = step_of(layer, case)
    expected, _ = shared.run(
        lambda x, s: step(x, s, weights),
        x.astype("float64"),
        [s.astype("float64") for s in states],
    )
    got = as_float64(layer(x, initial_state=states))
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.float64
@pytest.mark.parametrize("case", [*CASES, *STACKS])
def test_outputs_states_and_gradients_in_float64(case: str) -> None:
    """By weights, inputs and initial states, with masked steps, both ways in time."""
    backwards = case in ("static", "stack_of_2")
    layer = built(
        case, 2, 2, 0, dtype="float64", go_backwards=backwards, return_state=True
    )
    weights = [as_float64(w) for w in layer.weights]
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 3, 2))
    states = [s.astype("float64") for s in random_states(layer, 2, random)]
    mask = np.array([[1, 1, 1], [0, 1, 0]], bool)
    step = step_of(layer, case)

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        sequences, *rest = arrays
        given, weights = rest[: len(states)], rest[len(states) :]
        outputs, last = shared.run(
            lambda x, s: step(x, s, weights), sequences, given, mask, backwards
        )
        return [outputs, *last]

    check_in_float64(layer, x, states, weights, run, mask)


@pytest.mark.parametrize("how", ["tau_is_1", "around_one"])
@pytest.mark.parametrize("policy", ["recurrent", "static"])
def test_without_adaptation_it_is_an_lstm(policy: str, how: str) -> None:
    """Outputs, states and gradients are those of `keras.layers.LSTM`."""
    arguments = {"return_sequences": True, "return_state": True}
    switched_off = {"tau_is_1": {"policy_activation": one}, "around_one": {how: True}}
    ours = keras_modact.AdaptiveLSTM(
        5, 3, policy=policy, **switched_off[how], **arguments
    )
    keras_lstm = keras.layers.LSTM(5, **arguments)
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 6, 4)).astype("float32")
    ours.build(x.shape)
    keras_lstm.build(x.shape)
    for name in ("kernel", "recurrent_kernel", "bias"):
        weight = random.normal(0, 0.5, getattr(ours.cell, name).shape)
        getattr(ours.cell, name).assign(weight)
        getattr(keras_lstm.cell, name).assign(weight)
    cotangents = [random.normal(size=s) for s in ((3, 6, 5), (3, 5), (3, 5))]
    of_policy = [np.zeros((3, 3))] * (len(ours.cell.state_size) - 2)
    got = differentiate(ours, [x], [*cotangents, *of_policy])
    want = differentiate(keras_lstm, [x], cotangents)
    for a, b in zip(
        [*got.outputs[:3], *got.inputs], want.outputs + want.inputs, strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    names = [weight.name for weight in ours.trainable_weights]
    gradients = dict(zip(names, got.weights, strict=True))
    for weight, b in zip(keras_lstm.trainable_weights, want.weights, strict=True):
        np.testing.assert_allclose(gradients[weight.name], b, rtol=1e-4, atol=1e-4)
    if how == "tau_is_1":
        np.testing.assert_array_equal(gradients["adaptation_kernel"], 0)
    np.testing.assert_array_equal(gradients["policy_kernel"], 0)


@pytest.mark.parametrize("case", ["recurrent", "static", "stack_of_1", "stack_of_3"])
def test_masks_act_wherever_h_and_z_are_read(case: str) -> None:
    """And the states themselves are carried on whole."""
    layer = built(case, 2, 3, 0, recurrent_dropout=0.5, policy_dropout=0.5)
    weights = [as_float64(w) for w in layer.weights]
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 3)).astype("float32")
    states = random_states(layer, 4, random)
    _, masks = layer.cell.dropout_masks(4, 3, training=True)
    masked = layer.cell.step(
        layer.cell.project(keras.ops.convert_to_tensor(x)),
        [keras.ops.convert_to_tensor(s) for s in states],
        masks,
    )
    factors = keras.tree.map_structure(as_float64, masks)
    if case in STACKS:
        of_layers = [weights[at : at + 7] for at in range(0, len(weights), 7)]
        expected = oracle.stacked_step(x, states, of_layers, factors)
    else:
        expected = oracle.adaptive_step(
            x, states, weights, masks=factors, **CASES[case]
        )
    for got, want in zip(masked, expected, strict=True):
        np.testing.assert_allclose(as_float64(got), want, rtol=1e-4, atol=1e-5)


def test_a_stack_of_one_is_the_layer() -> None:
    stack = built("stack_of_1", 2, 3, 0)
    layer = built("recurrent", 2, 3, 1)
    layer.set_weights(stack.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_array_equal(as_float64(stack(x)), as_float64(layer(x)))


def test_the_first_policy_reads_the_last_ones_latent_of_the_step_before() -> None:
    """Equation 10: z of layer 2 moves layer 1 one step later, and no earlier."""
    layer = built("stack_of_2", 0, 3, 0, return_state=True)
    cell = layer.cell
    x = np.random.default_rng(0).normal(size=(1, 3)).astype("float32")
    states = [np.zeros((1, n), "float32") for n in cell.state_size]
    moved = [s.copy() for s in states]
    moved[6] += 1.0  # z of layer 2
    first = [as_float64(s) for s in cell(x, states)[1]]
    second = [as_float64(s) for s in cell(x, moved)[1]]
    # h and c of layer 2, h and c of layer 1, z and c of layer 1, z and c of layer 2.
    sizes = [2, 2, 3, 3, *[POLICY_UNITS] * 4]
    assert [s.shape[1] for s in first] == sizes
    for a, b in zip(first, second, strict=True):
        assert np.abs(a - b).max() > 1e-4
    # Without its rows of the first policy's kernel, layer 1 hears nothing of it.
    kernel = as_float64(cell.cells[0].policy_kernel)
    kernel[3 + 3 :] = 0
    cell.cells[0].policy_kernel.assign(kernel)
    first = [as_float64(s) for s in cell(x, states)[1]]
    second = [as_float64(s) for s in cell(x, moved)[1]]
    for place in (2, 3, 4, 5):
        np.testing.assert_array_equal(first[place], second[place])
    assert np.abs(first[0] - second[0]).max() > 1e-4


def test_published_slices_leave_columns_unused() -> None:
    """pi_h' gates and bias share columns, and the last ones reach nothing."""
    layer = built("published", 3, 2, 0)
    x = np.random.default_rng(0).normal(size=(2, 4, 2)).astype("float32")
    gradients = differentiate(layer, [x], [np.ones((2, 4, 3))])
    names = [weight.name for weight in layer.trainable_weights]
    of_columns = np.abs(gradients.weights[names.index("adaptation_kernel")]).sum(0)
    assert of_columns.shape == (2 + 13 * 3,)
    assert (of_columns[: 8 * 3] > 0).all()
    np.testing.assert_array_equal(of_columns[8 * 3 :], 0)
    pi = layer.cell.adaptation(np.ones((1, POLICY_UNITS), "float32"))
    np.testing.assert_array_equal(as_float64(pi.state_gates), as_float64(pi.bias))


def test_penn_treebank_model_has_the_published_count() -> None:
    """17,197,800 with an embedding of 10,000 words and a second policy bias each."""
    stack = keras_modact.StackedAdaptiveLSTM((1150, 400), policy_units=100)
    stack.build((None, None, 400))
    embedding, output_bias, second_biases = 10_000 * 400, 10_000, 2 * 4 * 100
    total = stack.count_params() + embedding + output_bias + second_biases
    assert total == 17_197_800


@pytest.mark.parametrize("units", [1150, 400])
def test_counts_of_one_layer(units: int) -> None:
    """The spec's formula without the second bias of the policy."""
    features, policy = 400, 100
    layer = keras_modact.AdaptiveLSTM(units, policy)
    layer.build((None, None, features))
    assert layer.count_params() == (
        4 * policy * (features + units)
        + 4 * policy**2
        + 4 * policy
        + policy * (features + 13 * units)
        + 4 * units * (features + units)
        + 4 * units
    )


def test_initial_weights_as_published() -> None:
    layer = keras_modact.AdaptiveLSTM(16, policy_units=25)
    layer.build((None, None, 8))
    cell = layer.cell
    for kernel in (cell.kernel, cell.recurrent_kernel):
        rows = as_float64(kernel)
        np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-5)
    bias = np.split(as_float64(cell.bias), 4)
    for place, value in enumerate([0, 1, 0, 0]):
        np.testing.assert_array_equal(bias[place], value)
    for name in ("policy_kernel", "policy_recurrent_kernel", "policy_bias"):
        values = np.abs(as_float64(getattr(cell, name)))
        assert 0.9 * 0.2 < values.max() <= 0.2
    assert 0.95 * 0.2 < np.abs(as_float64(cell.adaptation_kernel)).max() <= 0.2


def test_layers_of_a_stack_draw_their_own_weights() -> None:
    seeded = keras.initializers.GlorotUniform(seed=1)
    stack = keras_modact.StackedAdaptiveLSTM((3, 3), 2, recurrent_initializer=seeded)
    stack.build((None, None, 3))
    for name in ("recurrent_kernel", "policy_kernel", "adaptation_kernel", "kernel"):
        first, second = (as_float64(getattr(c, name)) for c in stack.cell.cells)
        assert np.abs(first - second).max() > 0.01


def test_what_the_policy_does_can_be_had() -> None:
    layer = built("recurrent", 3, 2, 0)
    z = np.random.default_rng(0).normal(size=(2, 5, POLICY_UNITS)).astype("float32")
    pi = layer.cell.adaptation(z)
    expected = np.tanh(z @ as_float64(layer.cell.adaptation_kernel))
    got = np.concatenate([as_float64(part) for part in pi], axis=-1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert [part.shape[-1] for part in pi] == [2, 3, 12, 12, 12]
    fixed = built("input", 3, 2, 0).cell.adaptation(z)
    assert [part is None for part in fixed] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras_modact.AdaptiveLSTM(4, 0), "`policy_units`"),
        (lambda: keras_modact.AdaptiveLSTM(4, 3, "gru"), "'recurrent', 'static'"),
        (
            lambda: keras_modact.AdaptiveLSTM(4, 3, adaptation="sva"),
            "'input', 'output', 'io'",
        ),
        (lambda: keras_modact.StackedAdaptiveLSTM([], 3), "at least one layer"),
        (lambda: keras_modact.StackedAdaptiveLSTM([4, 0], 3), "`units`.*units=0"),
    ],
)
def test_arguments_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_look_at_what_is_not_there() -> None:
    cell = keras_modact.AdaptiveLSTMCell(4, 3)
    with pytest.raises(ValueError, match="no weights before it is built"):
        cell.adaptation(np.zeros((2, 3)))
    cell.build((None, 5))
    with pytest.raises(ValueError, match=r"with 3 units, received the shape \(2, 4\)"):
        cell.adaptation(np.zeros((2, 4)))
