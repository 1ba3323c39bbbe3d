"""What a run was composed of, as its folder keeps it: without secrets, and without what the environment said."""

from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from iolaus import durable
from iolaus.secrets import mask_override, mask_values

_ENVIRONMENT = "_from_the_environment_"


def write_config(folder: Path, config: DictConfig, overrides: list[str]) -> None:
    """Keeps what the run was composed of: config.yaml and the overrides that led to it, both without secrets."""
    plain = mask_values({key: node for key, node in _resolved(config).items() if key != "sweep"})
    masked = [mask_override(text) for text in overrides]
    durable.write_text(folder / "overrides.yaml", yaml.safe_dump(masked, allow_unicode=True))
    # Last: a folder that has it is a run's.
    durable.write_text(folder / "config.yaml", yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _resolved(config: DictConfig) -> Any:
    """The config in plain values. Interpolations become values, except those that lead to the environment, directly or
    by way of another: it may hold a secret."""
    written = OmegaConf.to_container(config, resolve=False)
    marked = OmegaConf.create(_marked(written))
    return _chosen(written, OmegaConf.to_container(marked, resolve=True))


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _marked(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_marked(child) for child in value]
    return _ENVIRONMENT if isinstance(value, str) and "oc.env" in value else value


def _chosen(written: Any, resolved: Any) -> Any:
    """What is written where the resolved value holds the mark of the environment; elsewhere that value."""
    if isinstance(written, dict) and isinstance(resolved, dict):
        return {key: _chosen(written[key], resolved[key]) for key in written}
    if isinstance(written, list) and isinstance(resolved, list) and len(written) == len(resolved):
        return [_chosen(*pair) for pair in zip(written, resolved, strict=True)]
    return written if _ENVIRONMENT in str(resolved) else resolved
