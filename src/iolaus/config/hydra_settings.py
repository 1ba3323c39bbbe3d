"""What of Hydra's own settings a command line may change, and what its plugins and loggers may be.

Hydra builds these before the run's code has a say, so they are checked with the rest of the command line.
"""

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from iolaus.config.compose import override_key
from iolaus.secrets import mask_override

_OPEN = ("hydra.verbose", "hydra.mode", "hydra.job.name", "hydra.launcher", "hydra.sweeper")
_OPEN_LOGS = ("hydra.job_logging", "hydra.hydra_logging")
_INSTEAD = {
    "hydra.run": "name the run's folder with run_dir=FOLDER",
    "hydra.sweep": "a sweep's folder is made under outputs/sweeps",
    "hydra.searchpath": "put your yaml beside the others in conf/, one choice each",
    "hydra.output_subdir": "config.yaml and overrides.yaml are written in the run's folder anyway",
    "hydra.job.chdir": "paths are meant from where you are",
    "hydra.job.env_set": "set variables before the command, as in NAME=VALUE python train.py",
    "hydra.callbacks": "callbacks of a run are added with +callbacks.NAME._target_=…",
}
_FLAGS = {
    "config_dir": "put your yaml beside the others in conf/, one choice each",
    "config_path": "put your yaml beside the others in conf/, one choice each",
    "config_name": "a whole recipe is a choice of experiment=…, in conf/experiment/",
    "experimental_rerun": "it would run whatever code the file holds; type resume=RUN or repeat the run's command",
}
_PLUGINS = ("hydra._internal.core_plugins", "hydra_plugins")
_HANDLERS = {
    "logging.StreamHandler",
    "logging.FileHandler",
    "logging.NullHandler",
    "logging.handlers.RotatingFileHandler",
    "logging.handlers.TimedRotatingFileHandler",
    "iolaus.process.logs.LogFile",
    "iolaus.process.logs.Terminal",
}
_FORMATTERS = {"logging.Formatter", "iolaus.secrets.Formatter"}
_STREAMS = {"ext://sys.stdout", "ext://sys.stderr"}


def refused_flags(arguments: Namespace, others: list[str]) -> list[str]:
    """One sentence for each of Hydra's flags that has no place here, and for each of the others, which it lacks."""
    dashed = [text.partition("=") for text in others if text.startswith("-")]
    unknown = [
        f"{key}{equals}{value}: options have no dashes: type {key.lstrip('-')}={value or '…'}."
        for key, equals, value in dashed
    ]
    return unknown + [
        f"--{flag.replace('_', '-')} is not taken: {instead}."
        for flag, instead in _FLAGS.items()
        if getattr(arguments, flag) is not None
    ]


def refused_overrides(overrides: list[str]) -> list[str]:
    """One sentence for each of Hydra's settings that iolaus makes itself."""
    problems = []
    for text in overrides:
        key = override_key(text).replace("/", ".").partition("@")[0]
        if key.partition(".")[0] != "hydra" or _is_within(key, (*_OPEN, *_OPEN_LOGS)):
            continue
        instead = next((hint for name, hint in _INSTEAD.items() if _is_within(key, (name,))), "it is Hydra's own")
        problems.append(f"{text}: {override_key(text)} is not to be set: {instead}.")
    if "hydra/sweeper=basic" in overrides and any(mask_override(text) != text for text in overrides):
        problems.append(
            "hydra/sweeper=basic: it writes all overrides to multirun.yaml as they are, with the secret among them: "
            "leave it out, or give the secret as '${oc.env:NAME}'."
        )
    return problems


def refused_settings(hydra: DictConfig) -> list[str]:
    """One sentence for each plugin, log handler or formatter that may not be built."""
    problems = []
    for name in ("launcher", "sweeper"):
        target = OmegaConf.select(hydra, f"{name}._target_")
        if not _is_within(str(target), _PLUGINS):
            problems.append(f"hydra.{name}._target_={target} is none of Hydra's plugins: type hydra/{name}=NAME.")
    for name in ("job_logging", "hydra_logging"):
        logs = OmegaConf.to_container(hydra[name], resolve=False)
        problems += [f"hydra.{name}.{reason}" for reason in _unsafe_logs(logs)]
    return problems


def _unsafe_logs(logs: Any) -> Iterator[str]:
    for part, allowed in (("handlers", _HANDLERS), ("formatters", _FORMATTERS)):
        for name, node in (logs.get(part) or {}).items():
            made = node.get("class", min(allowed)) if isinstance(node, dict) else node
            if made not in allowed:
                yield f"{part}.{name}.class={made} may not be built; those that may are {', '.join(sorted(allowed))}."
    for path, value in _leaves(logs):
        if path.endswith(".()"):
            yield f"{path}={value} would call that: name a class of the standard library's logging instead."
        elif isinstance(value, str) and value.startswith(("ext://", "cfg://")) and value not in _STREAMS:
            yield f"{path}={value} would import that: there are {' and '.join(sorted(_STREAMS))}."


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(child, f"{path}.{key}".lstrip("."))
    else:
        yield path, node


def _is_within(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)
