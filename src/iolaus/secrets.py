"""Keeps secrets out of everything that is written: what has a secret's name is masked where configs are stored, and a
value that was found so is blotted out of logs and messages too."""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

MASK = "***"

# Of an option or an environment variable. `num_tokens` and `tokenizer` are none.
_NAME = r"(?:[\w-]*(?:api_?key|access_key|private_key|_token|secret|password)|token)"
_IS_SECRET = re.compile(_NAME, re.IGNORECASE)
_ASSIGNED = re.compile(rf"""(?<![\w-])({_NAME}["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,{{}}\[\]]+)""", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{oc\.env:([^,{}]+)\}")  # says where a secret is, not what it is
_ENVIRONMENT = re.compile(r"\$\{\s*oc\.env\s*:\s*([^,{}\s]+)")
_FOLDERS = {"IOLAUS_DATA", "HOME", "USER", "PWD", "TMPDIR"}  # read through oc.env, and fit to be shown
_SHORTEST = 6  # characters; blotting out every "1" would make a log unreadable

_found: set[str] = set()


def is_secret(name: str) -> bool:
    """Whether an option or variable of this name holds a secret."""
    return _IS_SECRET.fullmatch(name) is not None


def mask_values(value: Any, name: str = "") -> Any:
    """A config in plain values, without what has a secret's name. References to the environment stay."""
    if isinstance(value, dict):
        return {key: mask_values(child, str(key)) for key, child in value.items()}
    if isinstance(value, list):
        return [mask_values(child, name) for child in value]
    _note_environment(value)
    return _masked(value) if is_secret(name) else value


def mask_override(text: str) -> str:
    """`logger.wandb.api_key=***` of an override that gives one; also within `{…}`."""
    key, equals, value = text.partition("=")
    _note_environment(value)
    if equals and is_secret(re.split(r"[.@/+~]", key)[-1]):
        return f"{key}={_masked(value)}"
    return _ASSIGNED.sub(lambda match: match[1] + _masked(match[2]), text)


def notice(overrides: Iterable[str]) -> None:
    """Whatever secret these overrides give is blotted out from here on."""
    for text in overrides:
        mask_override(text)


def notice_values(value: Any) -> None:
    """The same for a config in plain values, its interpolations as they are written."""
    mask_values(value)


def blot(text: str) -> str:
    """The text without any secret that was found so far, or that stands in the environment."""
    for secret in sorted({*_found, *_from_environment()}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class Formatter(logging.Formatter):
    """Of every log: tracebacks and messages of libraries may quote anything."""

    def format(self, record: logging.LogRecord) -> str:
        return blot(super().format(record))


def _masked(value: Any) -> Any:
    if value is None or (isinstance(value, str) and _REFERENCE.fullmatch(value.strip("'\""))):
        return value
    _note(str(value).strip("'\""))
    return MASK


def _note(secret: str) -> None:
    if len(secret) >= _SHORTEST and secret != MASK:
        _found.add(secret)


def _note_environment(value: Any) -> None:
    """What a config reads from the environment may be a secret under any name."""
    if isinstance(value, str):
        for name in set(_ENVIRONMENT.findall(value)) - _FOLDERS:
            _note(os.environ.get(name, ""))


def _from_environment() -> Iterator[str]:
    return (value for name, value in os.environ.items() if is_secret(name) and len(value) >= _SHORTEST)
