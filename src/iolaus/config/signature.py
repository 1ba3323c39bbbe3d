"""What a `_target_` really accepts: its options, their types and ranges, read from the signature itself."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError


@dataclass(frozen=True)
class Option:
    """One parameter of a signature.

    is_given: positional and without a default: not the user's to set, but handed over by the builder (the model's
        input and target, the optimizer's parameters).
    is_required: keyword-only and without a default: the user has to set it.
    """

    annotation: Any
    is_given: bool
    is_required: bool


@cache
def signature(target: Callable[..., Any]) -> dict[str, Option]:
    """The options of a class or function by name. `**options` of a class leads on to the next class's own."""
    options: dict[str, Option] = {}
    for function in _chain(target):
        hints = _hints(function)
        parameters = list(inspect.signature(function).parameters.values())
        for parameter in parameters:
            if parameter.name == "self" or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                continue
            is_missing = parameter.default is parameter.empty
            is_keyword = parameter.kind is parameter.KEYWORD_ONLY
            option = Option(hints.get(parameter.name, Any), is_missing and not is_keyword, is_missing and is_keyword)
            options.setdefault(parameter.name, option)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return options


def mismatch(value: Any, annotation: Any) -> str | None:
    """Why this value is not of this type or range, in a few words; None if it is."""
    adapter = _adapter(annotation)
    if adapter is None:
        return None
    reasons = [_reason(adapter, value)]
    if isinstance(value, list):  # yaml has no tuples
        reasons.append(_reason(adapter, tuple(value)))
    return None if None in reasons else reasons[0]


def _reason(adapter: TypeAdapter[Any], value: Any) -> str | None:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError as error:
        messages = dict.fromkeys(
            _short(detail["msg"]) for detail in error.errors() if "instance of" not in detail["msg"]
        )
        return ", or ".join(messages)
    return None


def _short(message: str) -> str:
    return message.removeprefix("Input ").replace("a valid integer", "an integer").replace("valid ", "")


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    if annotation in (Any, inspect.Parameter.empty):
        return None
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticSchemaGenerationError, PydanticUserError, TypeError):
        try:  # pydantic takes no config beside some types of its own
            return TypeAdapter(annotation)
        except Exception:  # a foreign annotation that no value can be held against
            return None


def _chain(target: Callable[..., Any]) -> list[Callable[..., Any]]:
    if not inspect.isclass(target):
        return [target]
    return [cls.__dict__["__init__"] for cls in target.__mro__ if "__init__" in cls.__dict__ and cls is not object]


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(inspect.unwrap(function), include_extras=True)
    except (NameError, TypeError, AttributeError):  # a foreign signature that names what it did not import
        return {}
