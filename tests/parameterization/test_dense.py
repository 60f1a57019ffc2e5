"""AdaptiveDense against the paper's equations 3 to 5, its identities and limits."""

from __future__ import annotations

import inspect
import resource
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64, differentiate
from tests.oracle import central_differences
from tests.parameterization import oracle

# The adapted diagonals, the sizes between the kernels, and further arguments.
CASES: dict[str, tuple[tuple[bool, ...], Any, dict[str, Any]]] = {
    "input": ((True, False), None, {}),
    "output": ((False, True), None, {"policy": "glu"}),
    "io": ((True, True), None, {"around_one": True}),
    "io_fixed_bias": ((True, True), None, {"adapt_bias": False}),
    "io_no_bias": ((True, True), None, {"use_bias": False}),
    "sva": ((False, True, False), 2, {"policy": "glu"}),
    "bias_only": ((False, False), None, {}),
    "one_diagonal": ((True,), None, {}),
    "three_diagonals": ((True, True, True), 5, {"policy": "glu"}),
    "four_diagonals": ((True, False, True, True), (2, 5), {"around_one": True}),
}
NAMED = {case: case for case in ("input", "output", "io", "sva")}
FEATURES = 3


def random_weights(layer: Any, seed: int) -> list[np.ndarray]:
    """The layer's weights, after they were drawn anew."""
    random = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.7, weight.shape))
    return [as_float64(weight) for weight in layer.weights]


def built(case: str, seed: int = 0, **further: Any) -> tuple[Any, list, dict]:
    """A layer with random weights, those weights, and what the oracle takes."""
    adapted, rank, given = CASES[case]
    layer = keras_modact.AdaptiveDense(
        FEATURES if len(adapted) == 1 else 4,
        adaptation=NAMED.get(case, adapted),
        rank=rank,
        policy_units=4,
        **given,
        **further,
    )
    layer.build((None, FEATURES))
    given = dict(given)
    of_oracle = {"adapted": adapted, "network": given.pop("policy", "relu"), **given}
    return layer, random_weights(layer, seed), of_oracle


@pytest.mark.parametrize("case", CASES)
def test_outputs(case: str) -> None:
    layer, weights, given = built(case)
    x = np.random.default_rng(1).normal(size=(5, FEATURES)).astype("float32")
    expected = oracle.dense(x.astype("float64"), weights, **given)
    np.testing.assert_allclose(as_float64(layer(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.float64
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_in_float64(case: str) -> None:
    layer, weights, given = built(case, dtype="float64")
    random = np.random.default_rng(1)
    x = random.normal(size=(4, FEATURES))
    cotangents = random.normal(size=(4, layer.units))
    result = differentiate(layer, [x], [cotangents])
    expected = oracle.dense(x, weights, **given)
    np.testing.assert_allclose(result.outputs[0], expected, atol=1e-12)
    estimates = central_differences(
        lambda arrays: float(
            (oracle.dense(arrays[0], arrays[1:], **given) * cotangents).sum()
        ),
        [x, *weights],
    )
    for exact, estimate in zip(result.inputs + result.weights, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", ["input", "output", "io"])
def test_around_one_starts_as_the_dense_layer(case: str) -> None:
    layer = keras_modact.AdaptiveDense(
        4, adaptation=case, activation="elu", around_one=True
    )
    dense = keras.layers.Dense(4, activation="elu")
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    layer.build(x.shape)
    dense.build(x.shape)
    layer.bias.assign([1.0, -1.0, 0.5, 2.0])
    dense.set_weights([layer.kernels[0], layer.bias])
    np.testing.assert_array_equal(as_float64(layer(x)), as_float64(dense(x)))


def test_as_published_it_starts_near_zero() -> None:
    layer = keras_modact.AdaptiveDense(64, adaptation="io", policy_units=16)
    x = np.random.default_rng(0).normal(size=(100, 64)).astype("float32")
    outputs = as_float64(layer(x))
    d_1, d_2, d_bias = (as_float64(d) for d in layer.adaptation(x))
    for diagonal in (d_1, d_2, d_bias):
        assert abs(diagonal.mean()) < 0.1
        assert 0.1 < diagonal.std() < 0.6
    assert outputs.std() < 0.5 * (x @ as_float64(layer.kernels[0])).std()
    limit = 16**-0.5
    of_policy = as_float64(layer.policy.adaptation_kernel)
    assert 0.95 * limit < np.abs(of_policy).max() <= limit


@pytest.mark.parametrize("units", [3, 12])
def test_kernels_of_singular_values_are_semi_orthogonal(units: int) -> None:
    layer = keras_modact.AdaptiveDense(units, adaptation="sva", rank=5)
    layer.build((None, 8))
    for kernel in map(as_float64, layer.kernels):
        short = kernel if kernel.shape[0] <= kernel.shape[1] else kernel.T
        np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-5)


@pytest.mark.parametrize("units", [3, 12])
def test_rank_is_full_unless_given(units: int) -> None:
    layer = keras_modact.AdaptiveDense(units, adaptation="sva")
    layer.build((None, 8))
    rank = min(units, 8)
    assert [w.shape for w in layer.kernels] == [(8, rank), (rank, units)]


def test_adapted_singular_values_are_singular_values() -> None:
    """With orthonormal kernels d_2 holds those of the map that a sample meets."""
    layer = keras_modact.AdaptiveDense(6, adaptation="sva", rank=3, use_bias=False)
    x = np.random.default_rng(0).normal(size=(1, 8)).astype("float32")
    layer.build(x.shape)
    diagonals = layer.adaptation(x)
    assert [d is None for d in diagonals] == [True, False, True, True]
    first, second = map(as_float64, layer.kernels)
    met = first @ np.diag(as_float64(diagonals[1])[0]) @ second
    np.testing.assert_allclose(as_float64(layer(x)), x @ met, atol=1e-5)
    values = np.linalg.svd(met, compute_uv=False)[:3]
    expected = np.sort(np.abs(as_float64(diagonals[1])[0]))[::-1]
    np.testing.assert_allclose(values, expected, atol=1e-5)


def test_diagonals_of_a_functional_model() -> None:
    inputs = keras.Input((3,))
    layer = keras_modact.AdaptiveDense(4, policy_units=5)
    model = keras.Model(inputs, [layer(inputs), *layer.adaptation(inputs)])
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    outputs, *diagonals = model.predict(x, verbose=0)
    assert [d.shape for d in diagonals] == [(2, 3), (2, 4), (2, 4)]
    d_1, d_2, d_bias = diagonals
    kernel, bias = as_float64(layer.kernels[0]), as_float64(layer.bias)
    expected = (x * d_1) @ kernel * d_2 + bias * d_bias
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_property_1() -> None:
    """Any map of a given input is some D2 W D1 of it (appendix A)."""
    random = np.random.default_rng(0)
    x, kernel = random.normal(size=3), random.normal(size=(3, 4))
    wanted = random.normal(size=(3, 4))
    # The proof's choice for k = 1, and any other d_1 of the sum over one k only.
    d_1 = np.array([0, 1 / x[1], 0])
    d_2 = (x @ wanted) / kernel[1]
    one = keras.layers.Dense(
        1, kernel_initializer="zeros", bias_initializer="ones", dtype="float32"
    )
    layer = keras_modact.AdaptiveDense(
        4, adaptation="io", use_bias=False, policy=one, policy_activation="linear"
    )
    layer.build((None, 3))
    layer.kernels[0].assign(kernel)
    layer.policy.adaptation_kernel.assign(np.concatenate([d_1, d_2])[None])
    got = as_float64(layer(x[None].astype("float32")))
    np.testing.assert_allclose(got[0], x @ wanted, rtol=1e-4)


def test_no_weight_matrix_is_made_per_sample() -> None:
    """1,500 samples with a kernel of 700 x 700 each would take 2.9 GB."""
    layer = keras_modact.AdaptiveDense(700, adaptation="io", policy_units=4)
    x = np.ones((1500, 700), "float32")
    layer(x[:1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = differentiate(layer, [x], [np.ones((1500, 700), "float32")])
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert result.outputs[0].shape == (1500, 700)
    assert (after - before) * 1024 < 0.5e9


@pytest.mark.parametrize("policy", ["relu", "glu", "layer"])
def test_dropout_acts_on_the_latent_in_training_only(policy: str) -> None:
    network = keras.layers.Dense(64, "softplus") if policy == "layer" else policy
    layer = keras_modact.AdaptiveDense(
        3,
        policy=network,
        policy_units=64,
        policy_activation="linear",
        use_bias=False,
        adaptation="input",
        policy_dropout=0.5,
        seed=1,
    )
    x = np.ones((1, 3), "float32")
    layer.build(x.shape)
    layer.policy.adaptation_kernel.assign(np.ones((64, 3)))
    kept = as_float64(layer(x))
    np.testing.assert_array_equal(as_float64(layer(x, training=False)), kept)
    # x is 1: outputs are sum(z) times the sums of the kernel's columns.
    ratios = [as_float64(layer(x, training=True)) / kept for _ in range(3)]
    for ratio in ratios:
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
        assert ratio[0, 0] != pytest.approx(1, rel=1e-3)
    assert ratios[0][0, 0] != pytest.approx(ratios[1][0, 0], rel=1e-4)


def test_a_policy_layer_is_told_of_training() -> None:
    layer = keras_modact.AdaptiveDense(
        4, policy=keras.Sequential([keras.layers.Dropout(0.5, seed=1)])
    )
    x = np.ones((2, 30), "float32")
    still, moved = as_float64(layer(x)), as_float64(layer(x, training=True))
    np.testing.assert_array_equal(as_float64(layer(x)), still)
    assert np.abs(still - moved).max() > 1e-3


def test_regularizers_of_the_policy() -> None:
    layer = keras_modact.AdaptiveDense(
        4,
        policy_units=5,
        policy_kernel_regularizer=keras.regularizers.L2(1.0),
        adaptation_regularizer=keras.regularizers.L1(1.0),
    )
    layer(np.ones((2, 3), "float32"))
    expected = (as_float64(layer.policy.kernel) ** 2).sum()
    expected += np.abs(as_float64(layer.policy.adaptation_kernel)).sum()
    assert as_float64(sum(layer.losses)) == pytest.approx(expected, rel=1e-5)


def test_saved_with_a_policy_of_its_own(tmp_path: Any) -> None:
    policy = keras.Sequential(
        [keras.layers.Dense(6, activation="elu"), keras.layers.Dense(5)]
    )
    inputs = keras.Input((3,))
    layer = keras_modact.AdaptiveDense(4, adaptation="sva", policy=policy)
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    np.testing.assert_array_equal(
        as_float64(loaded(x)), as_float64(model(x))
    )  # fmt: skip
    assert loaded.count_params() == model.count_params()


def test_whatever_is_true_of_a_batch_is_true_of_each_sample() -> None:
    layer, _, _ = built("io")
    x = np.random.default_rng(0).normal(size=(2, 5, 4, FEATURES)).astype("float32")
    outputs = as_float64(layer(x))
    alone = as_float64(layer(x[1, 2:3, 3]))
    np.testing.assert_allclose(outputs[1, 2:3, 3], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"adaptation": "svd"}, "'input', 'output', 'io', 'sva'"),
        ({"adaptation": ()}, "`adaptation` must be one of"),
        ({"adaptation": (True, 1)}, "`adaptation` must be one of"),
        ({"adaptation": "sva", "rank": 0}, "`rank` must be a positive integer"),
        ({"adaptation": "sva", "rank": (2, 3)}, r"tuple of 1 of them for 3 diagonals"),
        ({"adaptation": "io", "rank": 2}, "this adaptation has 1"),
        ({"adaptation": (False, False), "use_bias": False}, "must be adapted"),
        ({"policy": "gru"}, "'relu', 'glu' or a Keras layer"),
    ],
)
def test_arguments_that_do_not_go_together(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keras_modact.AdaptiveDense(4, **arguments)


@pytest.mark.parametrize(
    ("policy", "given", "message"),
    [
        (lambda: keras.layers.Dense(5), {"policy_units": 6}, r"into \(None, 6\).*5\)"),
        (lambda: keras.layers.Flatten(), {}, r"gives \(None, 18\)"),
    ],
)
def test_policy_layer_of_another_size(policy: Any, given: dict, message: str) -> None:
    layer = keras_modact.AdaptiveDense(4, policy=policy(), **given)
    shape = (None, 3) if given else (None, 6, 3)
    with pytest.raises(ValueError, match=message):
        layer.build(shape)
    assert not layer.built


def test_arguments_of_the_policy_are_refused_beside_a_layer() -> None:
    with pytest.raises(ValueError, match="`policy_kernel_regularizer` is for a policy"):
        keras_modact.AdaptiveDense(
            4, policy=keras.layers.Dense(3), policy_kernel_regularizer="l2"
        )


def test_policy_layer_that_does_not_say_its_shape() -> None:
    class Sine(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return keras.ops.sin(x)

    layer = keras_modact.AdaptiveDense(4, policy=Sine())
    x = np.ones((2, 6, 3), "float32")
    assert tuple(layer(x).shape) == (2, 6, 4)
    assert layer.policy.units == 3


def test_one_diagonal_needs_units_like_features() -> None:
    with pytest.raises(ValueError, match="units=4 and 3 features"):
        keras_modact.AdaptiveDense(4, adaptation=(True,)).build((None, 3))


def test_other_features_than_those_it_was_built_for() -> None:
    layer, _, _ = built("io")
    with pytest.raises(ValueError, match="built for 3 features"):
        layer(np.ones((2, 4), "float32"))


def test_diagonals_before_it_is_built() -> None:
    with pytest.raises(ValueError, match="no policy before the layer is built"):
        keras_modact.AdaptiveDense(4).adaptation(np.ones((2, 4)))


def positional(cls: type) -> list[str]:
    """The arguments that a class takes by position."""
    by_position = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind == by_position]


@pytest.mark.parametrize(
    ("cls", "keras_cls"),
    [
        (keras_modact.AdaptiveDense, keras.layers.Dense),
        (keras_modact.AdaptiveConv2D, keras.layers.Conv2D),
    ],
)
def test_positions_are_those_of_the_keras_layer(cls: type, keras_cls: type) -> None:
    ours = positional(cls)
    assert ours == positional(keras_cls)[: len(ours)]
    assert ours[-1] == "bias_constraint"


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: keras_modact.AdaptiveDense(4, "softmax"), (3,)),
        (
            lambda: keras_modact.AdaptiveConv2D(
                4, 2, activation="relu", around_one=True
            ),
            (5, 4, 3),
        ),
    ],
)
def test_an_activation_taken_away_is_linear(make: Any, shape: tuple) -> None:
    layer = make()
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    layer.build(x.shape)
    given = layer.activation
    outputs = as_float64(layer(x))
    layer.activation = None
    linear = layer(x)
    np.testing.assert_allclose(as_float64(given(linear)), outputs, atol=1e-6)
    assert np.abs(as_float64(linear) - outputs).max() > 1e-2


@pytest.mark.parametrize(
    "layer",
    [
        keras_modact.AdaptiveDense(4, "softmax"),
        keras_modact.AdaptiveConv2D(4, 3, activation="softmax"),
    ],
    ids=["dense", "convolution"],
)
def test_an_activation_taken_away_is_saved_as_linear(layer: Any) -> None:
    layer.activation = layer.policy.activation = None
    config = layer.get_config()
    assert config["activation"] == config["policy_activation"] == "linear"


def test_the_kernel_of_a_layer_with_one() -> None:
    layer, _, _ = built("io")
    assert layer.kernel is layer.kernels[0]
    for other in (keras_modact.AdaptiveDense(4), built("sva")[0]):
        assert not hasattr(other, "kernel")


def test_spectral_normalization_divides_the_kernel_by_its_norm() -> None:
    layer, _, _ = built("io")
    normalized = keras.layers.SpectralNormalization(layer, power_iterations=50)
    x = np.random.default_rng(1).normal(size=(5, FEATURES)).astype("float32")
    before = as_float64(layer.kernel)
    outputs = as_float64(normalized(x, training=True))
    expected = before / np.linalg.norm(before, ord=2)
    np.testing.assert_allclose(as_float64(layer.kernel), expected, rtol=1e-4)
    np.testing.assert_allclose(outputs, as_float64(layer(x)), atol=1e-6)
    with pytest.raises(ValueError, match="no attribute 'kernel'"):
        keras.layers.SpectralNormalization(built("sva")[0])(x)


def test_a_quantized_policy_is_saved_and_loaded(tmp_path: Any) -> None:
    layer = keras_modact.AdaptiveDense(8, policy=keras.layers.Dense(8))
    model = keras.Sequential([keras.Input((16,)), layer])
    layer.policy.latent.quantize("int8")
    x = np.random.default_rng(0).normal(size=(2, 16)).astype("float32")
    outputs = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), outputs)
