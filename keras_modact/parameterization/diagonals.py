"""Which diagonals of an adaptive layer are adapted, and the sizes between them."""

from __future__ import annotations

from typing import Any

from keras_modact import arguments

ADAPTATIONS = {
    "input": (True, False),
    "output": (False, True),
    "io": (True, True),
    "sva": (False, True, False),
}


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
        return arguments.positive_integer("rank", rank)
    sizes = tuple(arguments.positive_integer("rank", size) for size in rank)
    if len(sizes) != between:
        raise ValueError(
            f"`rank` must be a positive integer, or a tuple of {between} of them for "
            f"{diagonals} diagonals, received rank={rank!r}."
        )
    return sizes


def adapted_channels(adaptation: Any) -> tuple[bool, ...]:
    """Whether the channels that come in and those that go out are adapted."""
    names = [name for name, adapted in ADAPTATIONS.items() if len(adapted) == 2]
    return ADAPTATIONS[arguments.one_of("adaptation", adaptation, names)]


def named(adapted: tuple[bool, ...]) -> str | tuple[bool, ...]:
    """The name of an adaptation, if it has one."""
    names = {adapted: name for name, adapted in ADAPTATIONS.items()}
    return names.get(adapted, adapted)
