"""Adaptive parameterization from the paper's equations, in NumPy float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.oracle import sigmoid


def latent(v: np.ndarray, network: str, kernel: np.ndarray, bias: np.ndarray):
    """z of a static policy, equation 7, or of a gated linear unit."""
    linear = v @ kernel + bias
    if network == "relu":
        return np.maximum(linear, 0)
    value, gate = np.split(linear, 2, axis=-1)
    return value * sigmoid(gate)


def diagonals(
    z: np.ndarray, adaptation_kernel: np.ndarray, sizes: Sequence[int], around_one: bool
) -> list[np.ndarray]:
    """tau(U_j z) for each j, with tau = tanh."""
    found = np.tanh(z @ adaptation_kernel) + around_one
    return np.split(found, np.cumsum(sizes)[:-1], axis=-1)


def dense(
    x: np.ndarray,
    weights: Sequence[np.ndarray],
    adapted: Sequence[bool],
    network: str = "relu",
    around_one: bool = False,
    use_bias: bool = True,
    adapt_bias: bool = True,
) -> np.ndarray:
    """Equation 3 with matrices D and W, one sample after the other, phi = identity.

    Args:
        x: Array `(batch, features)`.
        weights: W_1 ... W_(q-1) (used transposed: x is a column in the paper),
            the bias if there is one, P, p and U.
        adapted: Whether D_1 ... D_q are adapted.
        network: "relu" or "glu".
        around_one: Whether D = 1 + tau(U z).
        use_bias: Whether there is a bias.
        adapt_bias: Whether it is adapted.
    """
    count = len(adapted) - 1
    kernels, rest = weights[:count], list(weights[count:])
    bias = rest.pop(0) if use_bias else np.zeros(1)
    policy_kernel, policy_bias, adaptation_kernel = rest
    widths = [x.shape[-1], *(kernel.shape[1] for kernel in kernels)]
    sizes = [n for n, wanted in zip(widths, adapted, strict=True) if wanted]
    if use_bias and adapt_bias:
        sizes.append(len(bias))
    outputs = []
    for sample in x:
        z = latent(sample, network, policy_kernel, policy_bias)
        found = iter(diagonals(z, adaptation_kernel, sizes, around_one))
        y = sample
        for j, wanted in enumerate(adapted):
            if j:
                y = kernels[j - 1].T @ y
            if wanted:
                y = np.diag(next(found)) @ y
        factor = next(found) if use_bias and adapt_bias else 1
        outputs.append(y + factor * bias)
    return np.stack(outputs)


def lstm(u: np.ndarray, c: np.ndarray) -> list[np.ndarray]:
    """Equation 6: h and c from the four gates, i, f, g and o."""
    i, f, g, o = np.split(u, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


def slices(features: int, units: int, slicing: str) -> list[slice]:
    """Where pi_x, pi_h, pi_xg, pi_hg and pi_b lie, as the authors cut or meant to."""
    if slicing == "published":
        return [
            slice(0, features),
            slice(features, features + units),
            slice(units, units + 4 * units),
            slice(4 * units, 8 * units),
            slice(4 * units, 8 * units),
        ]
    sizes = [features, units, 4 * units, 4 * units, 4 * units]
    ends = np.cumsum(sizes)
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def adaptive_step(
    x: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    policy: str = "recurrent",
    adaptation: str = "io",
    adapt_bias: bool = True,
    around_one: bool = False,
    slicing: str = "exact",
    below: np.ndarray | None = None,
    masks: Sequence = (1, 1),
) -> list[np.ndarray]:
    """Equations 6 to 9 with tied first matrices: h, c, and z and its c.

    Args:
        x: Array `(batch, features)`.
        states: h and c, and with a recurrent policy z and its c.
        weights: W, R, b, P, the policy's R if it is recurrent, p and U. U has
            all columns of the spec, whatever is adapted.
        policy: "recurrent" or "static".
        adaptation: "input", "output" or "io".
        adapt_bias: Whether the bias is adapted.
        around_one: Whether pi = 1 + tau(U z).
        slicing: "exact" or "published".
        below: z of the layer below, equation 10.
        masks: Factors of h and of z wherever they are read.
    """
    kernel, recurrent, bias, policy_kernel, *rest, policy_bias, adapting = weights
    h, c, *policy_states = states
    h = h * masks[0]
    v = np.concatenate([x, h] + ([] if below is None else [below]), axis=-1)
    if policy == "recurrent":
        z, policy_c = policy_states
        policy_states = lstm(
            v @ policy_kernel + (z * masks[1]) @ rest[0] + policy_bias, policy_c
        )
        z = policy_states[0]
    else:
        z = np.maximum(v @ policy_kernel + policy_bias, 0)
    pi = np.tanh((z * masks[1]) @ adapting) + around_one
    x_in, h_in, x_out, h_out, of_bias = (
        pi[:, at] for at in slices(x.shape[-1], h.shape[-1], slicing)
    )
    if adaptation == "output":
        x_in = h_in = 1
    if adaptation == "input":
        x_out = h_out = 1
    if not adapt_bias:
        of_bias = 1
    u = ((x * x_in) @ kernel) * x_out + ((h * h_in) @ recurrent) * h_out
    return [*lstm(u + bias * of_bias, c), *policy_states]


def stacked_step(
    x: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[Sequence[np.ndarray]],
    masks: Sequence | None = None,
    adapt_bias: bool = True,
) -> list[np.ndarray]:
    """Equation 10: h and c of the last layer, of the others, then all z and c.

    Args:
        x: Array `(batch, features)`.
        states: As above, before the step.
        weights: The weights of each layer, as `adaptive_step` takes them.
        masks: Factors of h and z of each layer wherever they are read.
        adapt_bias: Whether the biases are adapted.
    """
    depth = len(weights)
    masks = masks or [(1, 1)] * depth
    h_c = {depth - 1: list(states[:2])}
    for layer in range(depth - 1):
        h_c[layer] = list(states[2 + 2 * layer : 4 + 2 * layer])
    z_c = [list(states[2 * (depth + n) : 2 * (depth + n) + 2]) for n in range(depth)]
    below = z_c[-1][0] * masks[-1][1] if depth > 1 else None
    for layer in range(depth):
        h, c, z, policy_c = adaptive_step(
            x,
            h_c[layer] + z_c[layer],
            weights[layer],
            adapt_bias=adapt_bias,
            below=below,
            masks=masks[layer],
        )
        h_c[layer], z_c[layer] = [h, c], [z, policy_c]
        x, below = h * masks[layer][0], z * masks[layer][1]
    order = [depth - 1, *range(depth - 1)]
    return [s for n in order for s in h_c[n]] + [s for pair in z_c for s in pair]
