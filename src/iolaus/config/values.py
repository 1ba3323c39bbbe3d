"""Every key and value of a config against the real signatures: what is required, what there is, of which type."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from iolaus.config import build
from iolaus.config.compose import compose, defaults, nearest, options
from iolaus.config.signature import mismatch, signature
from iolaus.config.targets import SINGLE, resolve
from iolaus.ranges import Whole

_TOP_LEVEL_TYPES = {
    "seed": Whole,
    "run_dir": str | None,
    "resume.run": str | None,
    "resume.force": bool,
    "init_from": str | None,
    "packages": list[str],
}


def check_values(config: DictConfig) -> list[str]:
    """One sentence for each key and each value that cannot be."""
    problems = _top_level(config) + _without_target(config) + _flat_callbacks(config)
    are_listed = mismatch(_plain(config._get_node("packages")), list[str]) is None
    packages = tuple(config.packages) if are_listed else ()
    for path, node in _targets(config):
        problems += _node(path, node, packages)
    return problems


def refuse_unfit(config: DictConfig, groups: tuple[str, ...]) -> None:
    """For a config that comes from a file: nothing in it is built unless all of it may be.

    Raises:
        ValueError: if anything in these groups does not fit the code as it is now.
    """
    problems = _without_target(config, groups)
    for path, node in itertools.chain.from_iterable(_targets(config._get_node(group), group) for group in groups):
        problems += _node(path, node, tuple(config.packages))
    if problems:
        raise ValueError("\n".join(problems))


def _top_level(config: DictConfig) -> list[str]:
    known = list(map(str, compose([]).config))
    problems = [
        f"{key}: there is no such group or option; {nearest(key, known)}"
        for key in map(str, config)
        if key not in known
    ]
    for key, kind in _TOP_LEVEL_TYPES.items():
        try:
            value = _plain(OmegaConf.select(config, key))
        except OmegaConfBaseException as error:
            problems.append(f"{key}: {str(error).splitlines()[0]}")
            continue
        reason = mismatch(value, kind)
        if reason:
            problems.append(f"{key}={value}: {reason}.")
    return problems


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _without_target(config: DictConfig, groups: tuple[str, ...] = SINGLE) -> list[str]:
    """Each of these groups has to be a node, and to name what it builds."""
    nodes = {group: config._get_node(group) for group in groups}
    return [
        f"{group}: it does not say what to build; choose one with {group}={'|'.join(options(group))}."
        for group, node in nodes.items()
        if not isinstance(node, DictConfig) or "_target_" not in node
    ]


def _flat_callbacks(config: DictConfig) -> list[str]:
    """Callbacks that were given a value, where each has options of its own."""
    usual = defaults("callbacks")
    problems = []
    for name in config.callbacks:
        node = config.callbacks[name]
        if isinstance(node, DictConfig) and "_target_" in node:
            continue
        switches = [key for key, value in usual.get(name, {}).items() if value is None]
        if not switches:
            problems.append(f"callbacks.{name} has no options here: to leave it out, type ~callbacks.{name}.")
            continue
        value = "…" if OmegaConf.is_config(node) else "null" if node is None else node
        wanted = value if node is None or type(node) in (int, float) else "…"
        problems.append(
            f"callbacks.{name}={value}: it has options of its own: type callbacks.{name}.{switches[0]}={wanted}."
        )
    return problems


def _targets(node: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every node that has a `_target_`, with its path as the user would type it; callbacks that are off excepted."""
    if OmegaConf.is_list(node):
        children = [(f"{path}[{number}]", child) for number, child in enumerate(node)]
    elif OmegaConf.is_dict(node):
        if "_target_" in node:
            yield path, node
        children = [(f"{path}.{key}".lstrip("."), node._get_node(key)) for key in node]
    else:
        return
    for child_path, child in children:
        yield from _targets(child, child_path)


def _node(path: str, node: DictConfig, packages: tuple[str, ...]) -> list[str]:
    try:
        target = resolve(path, node["_target_"], packages)
    except (ValueError, OmegaConfBaseException) as error:
        return [f"{path}: {str(error).splitlines()[0]}"]
    accepted = {name: option for name, option in signature(target).items() if not option.is_given}
    problems = [
        f"{path}.{name} is required: type {path}.{name}=…"
        for name, option in accepted.items()
        if option.is_required and name not in list(node)
    ]
    for key in map(str, node):  # also those whose value is missing, which `in` denies
        if key in build.INSTANTIATE_KEYS:
            continue
        if key not in accepted:
            problems.append(f"{path}.{key}: {target.__name__} has no such option; {nearest(key, list(accepted))}")
        elif OmegaConf.is_missing(node, key):
            problems.append(f"{path}.{key} is required: type {path}.{key}=…")
        else:
            problems += _value(path, node, key, accepted[key].annotation)
    return problems


def _value(path: str, node: DictConfig, key: str, annotation: Any) -> list[str]:
    try:
        value = node[key]
    except OmegaConfBaseException as error:
        return [f"{path}.{key}: {str(error).splitlines()[0]}"]
    if OmegaConf.is_config(value):
        if "_target_" in value:
            return []
        value = OmegaConf.to_container(value, resolve=True)
    is_off = path.startswith("callbacks.") and value is None
    if is_off or _is_reference(node, key):  # what it refers to is checked where it stands
        return []
    reason = mismatch(value, annotation)
    return [f"{path}.{key}={value}: {reason}."] if reason else []


def _is_reference(node: DictConfig, key: str) -> bool:
    """Whether the value is that of another option of the same name, as in `seed: ${seed}`."""
    raw = node._get_node(key)._value()  # type: ignore[union-attr]
    return isinstance(raw, str) and re.fullmatch(rf"\$\{{(\w+\.)*{re.escape(key)}\}}", raw) is not None
