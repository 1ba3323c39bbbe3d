"""YAML files that a stranger may have written: plain values, as a run or a sweep writes them.

A few lines of YAML can stand for more than any memory holds: aliases that name aliases, brackets without end, and, once
OmegaConf resolves them, interpolations that lead to interpolations. Nothing of ours has any need of them.
"""

import re
from pathlib import Path
from typing import Any

import yaml

_MAX_BYTES, _MAX_DEPTH = 2**20, 50
# `${oc.env:…}` ends at the environment. Any other leads on, so that each can multiply what the others stand for.
_INTERPOLATION, _MAX_INTERPOLATIONS = re.compile(r"\$\{(?!oc\.env:)"), 16
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """
    Raises:
        ValueError: if it is no such file, or would grow beyond all measure.
        OSError: if it cannot be read.
    """
    text = vetted(path)
    try:
        return yaml.load(text, _LOADER)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} is damaged: it holds more than plain values.") from error


def vetted(path: Path) -> str:
    """The text of the file, which is safe to load. Raises as `read_yaml` does."""
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{path} is larger than {_MAX_BYTES >> 20} MB: nothing of ours wrote it.")
    try:
        text = content.decode()
        _vet(path, text)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is damaged: it is no YAML.") from error
    if len(_INTERPOLATION.findall(text)) > _MAX_INTERPOLATIONS:
        raise ValueError(f"{path} holds more than {_MAX_INTERPOLATIONS} interpolations: nothing of ours wrote it.")
    return text


def _vet(path: Path, text: str) -> None:
    """Looks at the file's events, of which there are no more than it has characters."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"{path} holds an alias (*{event.anchor}): nothing of ours wrote it.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ValueError(f"{path} is nested more than {_MAX_DEPTH} deep: nothing of ours wrote it.")
