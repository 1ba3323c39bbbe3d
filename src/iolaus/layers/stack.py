"""Networks that are written down as a list of layers: each is built for the shape that the one before gives."""

import inspect
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call
from torch import Tensor, nn

from iolaus.layers.parts import LAYERS, Built, Shape

Entry = str | dict[str, Any]


class ResidualPart(nn.Module):
    """What the parts make of the values, added to them."""

    def __init__(self, parts: nn.ModuleList) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        before = values
        for part in self.parts:
            values, mask = part(values, mask)
        return before + values, mask


def build_stack(entries: Sequence[Entry], shape: Shape, *, path: str) -> tuple[nn.ModuleList, Shape]:
    """The parts that the entries name, and the shape that comes out of the last. `path` is where the user wrote them.

    Raises:
        ValueError: at the first entry that cannot be built, by its path and name.
    """
    parts = nn.ModuleList()
    for number, entry in enumerate(entries):
        part, shape = _build(entry, shape, f"{path}[{number}]")
        parts.append(part)
    return parts, shape


def _build(entry: Entry, shape: Shape, path: str) -> Built:
    name, options = _read(entry, path)
    if name == "residual":
        return _residual(options, shape, f"{path}.residual")
    build = LAYERS[name]
    accepted = [key for key, value in inspect.signature(build).parameters.items() if value.kind is value.KEYWORD_ONLY]
    if not isinstance(options, dict):
        if not accepted:
            raise ValueError(f"{path} ({name}): it has no options: type just {name}.")
        options = {accepted[0]: options}
    unknown = next((key for key in options if key not in accepted), None)
    if unknown is not None:
        raise ValueError(f"{path} ({name}): there is no option {unknown}; there is {', '.join(accepted) or 'none'}.")
    try:
        return validate_call(config=ConfigDict(strict=True))(build)(shape, **options)
    except ValidationError as error:
        detail = error.errors()[0]
        option = detail["loc"][0] if detail["loc"] else ""
        raise ValueError(f"{path} ({name}): {option}: {detail['msg'].removeprefix('Input ')}.") from None
    except ValueError as error:
        raise ValueError(f"{path} ({name}): {error}") from None


def _read(entry: Entry, path: str) -> tuple[str, Any]:
    """The name of a layer and what stands beside it."""
    if isinstance(entry, dict) and len(entry) != 1:
        raise ValueError(f"{path}: one layer an entry, but here are {', '.join(map(str, entry)) or 'none'}.")
    name, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
    known = [*LAYERS, "residual"]
    if name not in known:
        near = get_close_matches(str(name), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
        raise ValueError(f"{path}: there is no layer {name}; {hint}")
    return name, {} if options is None else options


def _residual(entries: Any, shape: Shape, path: str) -> Built:
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path}: it is a list of the layers whose result is added to what they read.")
    parts, result = build_stack(entries, shape, path=path)
    if result != shape:
        raise ValueError(f"{path}: its layers turn {shape} into {result}, which cannot be added to them.")
    return ResidualPart(parts), shape
