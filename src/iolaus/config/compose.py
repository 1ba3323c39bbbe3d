"""Composes a config from conf/ and the command line's overrides, and explains every override that does not fit."""

import copy
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

CONF = Path(__file__).resolve().parents[3] / "conf"


@dataclass(frozen=True)
class Composed:
    """A config, and which choice was taken in each group: `choices["model"]` is `"mlp"`. `hydra`: its own settings."""

    config: DictConfig
    choices: dict[str, str]
    hydra: DictConfig | None = None


def compose(overrides: list[str], config_name: str = "train") -> Composed:
    """Raises Hydra's own errors; `explain` turns them into sentences. Callers share the config, so it is read-only."""
    return _compose(tuple(overrides), config_name)


@lru_cache(maxsize=64)  # a run asks for its own twice, a sweep for those of its points
def _compose(overrides: tuple[str, ...], config_name: str) -> Composed:
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    values = [override for override in parsed if not _is_choice(override)]
    if any(override.is_sweep_override() for override in values):
        values = []  # Hydra has the words for what cannot be
    texts = {override.input_line for override in values}
    config = copy.deepcopy(_choose(tuple(text for text in overrides if text not in texts), config_name))
    ConfigLoaderImpl._apply_overrides_to_config(values, config)
    choices = {group: choice for group, choice in config.hydra.runtime.choices.items() if not group.startswith("hydra")}
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    OmegaConf.set_readonly(config, True)
    return Composed(config, choices, hydra)


# Some twenty files are read and merged, a tenth of a second, for choices that many compositions share; setting values
# takes a hundredth of that.
@lru_cache(maxsize=64)
def _choose(overrides: tuple[str, ...], config_name: str) -> DictConfig:
    """The config of these choices, Hydra's own settings included."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose(config_name, list(overrides), return_hydra_config=True)


def quoted(path: Path) -> str:
    """A path as an override's value."""
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def override_key(text: str) -> str:
    """`model.dim` of `++model.dim=3`."""
    return text.partition("=")[0].lstrip("+~").strip()


def is_own(text: str) -> bool:
    """Whether an override is a sweep's, and no run's."""
    key = override_key(text)
    return key == "sweep" or key.startswith(("sweep.", "sweep/"))


def is_swept(text: str) -> bool:
    """Whether an override stands for several values."""
    try:
        return OverridesParser.create().parse_override(text).is_sweep_override()
    except HydraException:
        return False


def explain(overrides: list[str]) -> tuple[list[str], list[str]]:
    """One sentence for each override that does not fit, and those that do; found by adding them one by one, groups
    first. Options of a group whose choice does not exist are neither: they cannot be judged."""
    problems, parsed = [], []
    for text in overrides:
        try:
            parsed.append(OverridesParser.create().parse_override(text))
        except HydraException:
            problems.append(
                f"'{text}' is not an override: type KEY=VALUE, and quote values that hold spaces or brackets."
            )
    accepted: list[str] = []
    unknown: set[str] = set()
    for override in sorted(parsed, key=lambda override: not _is_group(override)):
        text = override.input_line or ""
        if override_key(text).split(".")[0] in unknown:
            continue
        try:
            compose([*accepted, text])
            accepted.append(text)
        except (HydraException, OmegaConfBaseException) as error:
            problems.append(_sentence(override, compose(accepted).config, error))
            unknown |= {override.key_or_group} if _is_group(override) else set()
    return problems, accepted


def options(group: str) -> list[str]:
    """The choices that a group offers: the names of its yamls."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@lru_cache
def defaults(group: str) -> Any:
    """What the group's default.yaml says. Read, not composed: where one of Hydra's own launchers has started the run,
    there is a composition already, and Hydra takes no second."""
    return OmegaConf.load(CONF / group / "default.yaml")


def nearest(name: str, names: list[str]) -> str:
    """'did you mean X?' where a name is close, capitals aside, or has these initials; else the names there are."""
    if not names:
        return "nothing can be set there."
    close = _close(name, names)
    return f"did you mean {close}?" if close else f"there are {', '.join(names)}."


def _close(name: str, names: list[str]) -> str | None:
    lowered = {known.lower(): known for known in reversed(names)}
    found = [known for known in lowered if _initials(known) == name.lower()]
    found += get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_"))


def _is_group(override: Override) -> bool:
    return (CONF / override.key_or_group).is_dir()


def _is_choice(override: Override) -> bool:
    """Also in Hydra's own groups, whose yamls are not in conf/."""
    return override.package is not None or "/" in override.key_or_group or _is_group(override)


def _sentence(override: Override, config: DictConfig, error: Exception) -> str:
    text, key = override.input_line, override.key_or_group
    if _is_group(override):
        value: Any = override.value()
        for choice in map(str, value if isinstance(value, list) else [value]):
            if choice not in options(key):
                return f"{text}: there is no {key} {choice}; {nearest(choice, options(key))}"
    *parents, last = key.split(".")
    node, path = config, ""
    for name in [*parents, last]:
        if not isinstance(node, DictConfig):
            return f"{text}: {path[:-1]} is a value and has no options of its own."
        if name not in node:
            return f"{text}: {_missing(name, path, node, text)}"
        path, node = f"{path}{name}.", OmegaConf.select(config, f"{path}{name}")
    return f"{text}: {str(error).splitlines()[0]}"


def _missing(name: str, path: str, node: DictConfig, text: str | None) -> str:
    """What to type instead of a name that is not listed: with a plus, where the code takes it; or elsewhere."""
    if "_target_" in node and name in _signature(path[:-1], node):
        return f"{path}{name} is not listed, but can be added: type +{text}."
    names = [str(known) for known in node if not str(known).startswith("_")]
    elsewhere = [] if path or _close(name, names) else _elsewhere(name, node)
    near = f"did you mean {' or '.join(elsewhere)}?" if elsewhere else nearest(name, names)
    return f"there is no {path}{name}; {near}"


def _signature(path: str, node: DictConfig) -> dict[str, Any]:
    from iolaus.config.signature import signature  # these import what the target needs, torch perhaps
    from iolaus.config.targets import resolve

    try:
        return signature(resolve(path, node["_target_"], ()))
    except (ValueError, OmegaConfBaseException):
        return {}


def _elsewhere(name: str, config: DictConfig) -> list[str]:
    """The groups' options of this name, or else those that end with it: trainer.max_epochs, for epochs."""
    groups = {str(group): config._get_node(group) for group in config}
    known = [
        (f"{group}.{option}", option)
        for group, node in groups.items()
        if isinstance(node, DictConfig) and not node._is_none()
        for option in map(str, node)
    ]
    same = [path for path, option in known if option == name]
    return same or [path for path, option in known if option.endswith(f"_{name}")]


def with_batch_size(config: DictConfig, overrides: list[str], size: int) -> tuple[DictConfig, list[str]]:
    """Config and overrides as if the size had been typed, so that a resumed run has it too."""
    config = copy.deepcopy(config)
    OmegaConf.set_readonly(config, False)
    with open_dict(config):
        config.data.batch_size, config.trainer.batch_size = size, None
    if "data.batch_size" in map(override_key, overrides):
        warnings.warn("data.batch_size=… has no effect beside trainer.batch_size=auto, which finds it.", stacklevel=2)
    return config, replace_batch_size(overrides, size)


def replace_batch_size(overrides: list[str], size: int) -> list[str]:
    """The overrides with this size in the place of trainer.batch_size=auto, wherever that comes from."""
    kept = [text for text in overrides if override_key(text) not in ("data.batch_size", "trainer.batch_size")]
    return [*kept, "trainer.batch_size=null", f"data.batch_size={size}"]
