"""`iolaus doctor`: what the machine has, what is installed, which data are there."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from iolaus.config import build
from iolaus.config.compose import compose, options
from iolaus.hardware import hardware

_PACKAGES = ("torch", "lightning", "hydra-core", "numpy", "tokenizers", "pytorch-optimizer", "wandb", "tensorboard")


def findings() -> Iterator[str]:
    """Lines to print."""
    yield "machine"
    for name, value in hardware().items():
        yield f"  {name:<22} {value}"
    yield "packages"
    for name in _PACKAGES:
        yield f"  {name:<22} {_version(name)}"
    yield "data"
    for name in options("data"):
        yield f"  {name:<22} {_presence(name)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return f'missing: pip install -c constraints.txt -e ".[{package}]"'


def _presence(name: str) -> str:
    config = compose([f"data={name}"]).config
    if OmegaConf.missing_keys(config.data):
        return "yours: type data.root=…"
    try:
        files = build.build_data(config).files()
    except OmegaConfBaseException as error:
        return str(error).splitlines()[0]
    if files is None:
        return "built in"
    return f"{'at' if files.exists() else 'missing: would be downloaded to'} {files}"
