"""The arguments that all recurrent cells and layers share, declared once.

`CellArguments` and `LoopArguments` are the declarations: of each argument the type,
the default, the check and what documentation says of it. A cell's `__init__` has its
own arguments and `**kwargs: Unpack[CellArguments]`, a layer needs no `__init__`;
`full_signature` is what a user sees of both.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypedDict, get_args, get_type_hints

import keras

from keras_modact.utils import validation

Parameter = inspect.Parameter
KWARGS = Parameter("kwargs", Parameter.VAR_KEYWORD, annotation="Any")


class Argument(NamedTuple):
    """What is known of an argument beside its name and its type."""

    default: Any
    check: Callable[[str, Any], Any]
    """From the name and the value to the value that is kept, or an error."""
    doc: str
    """What docstrings say of it; the default is added."""


class Fixed(NamedTuple):
    """What the equations of a cell say of an argument that Keras' cells take."""

    value: Any
    """The value that the cell has; None if it is none that the argument can have."""
    reason: str
    """Where that is laid down."""


IMPLEMENTATION = {
    "implementation": (0, 1, 2),
    "use_cudnn": ("auto", False),
    "reset_after": (True, False),
}
"""Arguments of Keras' layers about how they compute, which change nothing here."""


class KerasArguments(TypedDict, total=False):
    """What every Keras layer takes."""

    name: str | None
    dtype: Any
    trainable: bool


class CellArguments(KerasArguments, total=False):
    """What every recurrent cell takes, and its layer with it."""

    use_bias: Annotated[
        bool, Argument(True, validation.truth_value, "Boolean, whether it has a bias.")
    ]
    kernel_initializer: Annotated[
        Any,
        Argument("glorot_uniform", validation.initializer, "Initializer of `kernel`."),
    ]
    recurrent_initializer: Annotated[
        Any,
        Argument(
            "orthogonal", validation.initializer, "Initializer of `recurrent_kernel`."
        ),
    ]
    bias_initializer: Annotated[
        Any, Argument("zeros", validation.initializer, "Initializer of `bias`.")
    ]
    kernel_regularizer: Annotated[
        Any, Argument(None, validation.regularizer, "Regularizer of `kernel`.")
    ]
    recurrent_regularizer: Annotated[
        Any,
        Argument(None, validation.regularizer, "Regularizer of `recurrent_kernel`."),
    ]
    bias_regularizer: Annotated[
        Any, Argument(None, validation.regularizer, "Regularizer of `bias`.")
    ]
    kernel_constraint: Annotated[
        Any, Argument(None, validation.constraint, "Constraint on `kernel`.")
    ]
    recurrent_constraint: Annotated[
        Any, Argument(None, validation.constraint, "Constraint on `recurrent_kernel`.")
    ]
    bias_constraint: Annotated[
        Any, Argument(None, validation.constraint, "Constraint on `bias`.")
    ]
    dropout: Annotated[
        float,
        Argument(
            0.0,
            validation.dropout_rate,
            "Float in [0, 1), fraction of the inputs to drop in training, by one mask "
            "for the whole sequence. A bare cell refuses it in training: use its "
            "layer.",
        ),
    ]
    recurrent_dropout: Annotated[
        float,
        Argument(
            0.0,
            validation.dropout_rate,
            "Float in [0, 1), fraction of the state h to drop in training where the "
            "gates read it, by one mask for the whole sequence. The carried state is "
            "never dropped. A bare cell refuses it as well.",
        ),
    ]
    seed: Annotated[
        int | None,
        Argument(
            None, validation.random_seed, "Integer seed of the dropout masks, or None."
        ),
    ]


class LoopArguments(TypedDict, total=False):
    """What every recurrent layer takes beside the arguments of its cell."""

    return_sequences: Annotated[
        bool,
        Argument(
            False,
            validation.truth_value,
            "Boolean, return the output of every step in place of the last one.",
        ),
    ]
    return_state: Annotated[
        bool,
        Argument(
            False, validation.truth_value, "Boolean, return the last states as well."
        ),
    ]
    go_backwards: Annotated[
        bool,
        Argument(
            False,
            validation.truth_value,
            "Boolean, run from the last step to the first; outputs come in the order "
            "in which they are computed.",
        ),
    ]
    stateful: Annotated[
        bool,
        Argument(
            False,
            validation.truth_value,
            "Boolean, start each batch from the last states of the batch before; "
            "needs a static batch size.",
        ),
    ]
    unroll: Annotated[
        bool,
        Argument(
            False,
            validation.truth_value,
            "Boolean, unroll the time loop; for short, static sequences.",
        ),
    ]
    zero_output_for_mask: Annotated[
        bool,
        Argument(
            False,
            validation.truth_value,
            "Boolean, with `return_sequences` return zeros at masked steps in place "
            "of the carried state.",
        ),
    ]


class LayerArguments(CellArguments, LoopArguments, total=False):
    """What every recurrent layer takes."""

    activity_regularizer: Annotated[
        Any, Argument(None, validation.regularizer, "Regularizer of the output.")
    ]


@functools.cache
def declared(declaration: type) -> dict[str, Argument]:
    """What a `TypedDict` above declares of its arguments, by name."""
    hints = get_type_hints(declaration, include_extras=True)
    return {
        name: argument
        for name, hint in hints.items()
        for argument in get_args(hint)
        if isinstance(argument, Argument)
    }


def parameters(declaration: type, beside: type | None = None) -> list[Parameter]:
    """The arguments of a `TypedDict` above as parameters of a signature.

    Args:
        declaration: The `TypedDict`.
        beside: Another one, whose arguments are left out.
    """
    others = declared(beside) if beside else {}
    hints = get_type_hints(declaration)
    return [
        Parameter(
            name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=argument.default,
            annotation=getattr(hints[name], "__name__", "Any"),
        )
        for name, argument in declared(declaration).items()
        if name not in others
    ]


KINDS = ("_initializer", "_regularizer", "_constraint", "dropout", "seed")


def order(name: str) -> int:
    """The place of an argument's kind in a signature, as Keras orders them.

    Sizes and choices, biases or not, initializers, regularizers, constraints,
    dropout, seed, and what says how a layer runs.
    """
    if name in LoopArguments.__annotations__:
        return len(KINDS) + 2
    for place, ending in enumerate(KINDS, start=2):
        if name.endswith(ending):
            return place
    return int(name.startswith(("use_", "unit_")))


def merged(
    own: Iterable[Parameter],
    inherited: Iterable[Parameter],
    defaults: Mapping[str, Any],
) -> inspect.Signature:
    """The signature of a class, from its own arguments and those that it inherits.

    Args:
        own: The parameters of its own `__init__`.
        inherited: The parameters that it takes by `**kwargs`.
        defaults: Defaults of inherited arguments that the class changes.
    """
    own_by_name = {p.name: p for p in own}
    if own_by_name and all(p.kind is not p.VAR_KEYWORD for p in own_by_name.values()):
        return inspect.Signature(list(own_by_name.values()))
    variadic = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    named = [p for p in own_by_name.values() if p.kind not in variadic]
    others = [
        p.replace(default=defaults.get(p.name, p.default))
        for p in inherited
        if p.name not in own_by_name and p.kind not in variadic
    ]
    # Among sizes and choices a class' own come first, elsewhere last.
    first = [p for p in named if order(p.name) == 0]
    found = sorted(
        [*first, *others, *(p for p in named if order(p.name) > 0)],
        key=lambda p: (p.kind, order(p.name), p.default is not p.empty),
    )
    return inspect.Signature([*found, KWARGS])


def own_parameters(init: Callable[..., None]) -> list[Parameter]:
    """The parameters of a constructor as it was written, without `self`."""
    return list(inspect.signature(inspect.unwrap(init)).parameters.values())[1:]


class FullSignature:
    """The signature of a class of cells or layers, as `inspect.signature` reads it.

    Of an instance there is none: it is called on other things than its class.
    """

    def __get__(self, instance: Any, cls: Any) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        signature: inspect.Signature = cls.full_signature
        return signature


def by_name(
    cls: type, signature: inspect.Signature, args: Sequence[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """A constructor's arguments by name, none of which is misspelt.

    Args:
        cls: The class that is constructed.
        signature: What the constructor takes; a class that `cls` inherits from
            takes fewer arguments by position.
        args: Those that were given by position.
        kwargs: Those that were given by name.
    """
    positional = signature.bind_partial(*args).arguments
    twice = ", ".join(sorted(positional.keys() & kwargs.keys()))
    if twice:
        raise TypeError(f"{cls.__name__} got {twice} twice, by position and by name.")
    validation.refuse_misspelt(cls, kwargs, inspect.signature(cls).parameters)
    return {**positional, **kwargs}


def with_full_signature(
    init: Callable[..., None], signature: inspect.Signature
) -> Callable[..., None]:
    """A constructor that takes all arguments of a signature, by position as well.

    Args:
        init: The constructor as written, which names its own arguments only.
        signature: What it takes, without `self`.
    """

    @functools.wraps(init)
    def constructor(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, **by_name(type(self), signature, args, kwargs))

    of_instance = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    constructor.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[of_instance, *signature.parameters.values()]
    )
    return constructor


def checked(
    declaration: type, given: dict[str, Any], signature: inspect.Signature
) -> dict[str, Any]:
    """Takes the declared arguments out of those that are given, checked.

    Args:
        declaration: The `TypedDict` that declares them.
        given: A constructor's arguments by name; the declared ones are removed.
        signature: Has the defaults of those that are not given.

    Raises:
        TypeError: If the signature lacks declared arguments.
    """
    missing = declared(declaration).keys() - signature.parameters.keys()
    if missing:
        raise TypeError(
            f"A constructor of one's own, here {signature}, must end in `**kwargs` "
            "and pass them on, `super().__init__(..., **kwargs)`: among them are "
            f"{', '.join(sorted(missing))}. A layer whose `cell_class` has the "
            "further arguments needs no constructor."
        )
    return {
        name: argument.check(name, given.pop(name, signature.parameters[name].default))
        for name, argument in declared(declaration).items()
    }


def serialized(layer: Any, names: Iterable[str]) -> dict[str, Any]:
    """The arguments that a layer keeps under their own names, for `get_config`."""
    config = {}
    for name in names:
        if name not in vars(layer):
            continue
        value = vars(layer)[name]
        kind = name.rpartition("_")[2]
        if kind in ("initializer", "regularizer", "constraint", "activation"):
            value = getattr(keras, f"{kind}s").serialize(value)
        config[name] = value
    return config


def take_fixed(cls: Any, cell: Any, given: dict[str, Any]) -> None:
    """Takes out arguments of Keras' layers that say what holds in any case.

    Args:
        cls: The class that is constructed, the cell's or its layer's.
        cell: The class of the cell, with `fixed_arguments`.
        given: A constructor's arguments by name.
    """
    for name in given.keys() & cell.fixed_arguments.keys():
        value, (fixed, reason) = given.pop(name), cell.fixed_arguments[name]
        if fixed is None or _activation(value) != _activation(fixed):
            raise ValueError(
                f"`{name}` of {cls.__name__} is fixed: {reason}. Received "
                f"{name}={value!r}. Leave it out."
            )
    for name in given.keys() & IMPLEMENTATION.keys():
        value = given.pop(name)
        if not any(value is one or value == one for one in IMPLEMENTATION[name]):
            raise ValueError(
                f"`{name}` has no effect on {cls.__name__} and may be one of "
                f"{IMPLEMENTATION[name]}, received {name}={value!r}. Leave it out; "
                "`layer.acceleration` says how a layer runs."
            )


def _activation(value: Any) -> Any:
    """The activation that a name, a config or a function stands for."""
    return None if value is None else validation.activation("activation", value)
