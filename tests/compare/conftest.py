"""Made-up sweeps, each written once."""

from pathlib import Path

import pytest

from tests.compare.made_up import write_sweep


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("sweeps") / "medium", 60, seeds=2)


@pytest.fixture(scope="session")
def two_objectives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("sweeps") / "two", 40, objectives=2)
