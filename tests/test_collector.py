"""What is imported first is kept from the garbage collector; what runs leave behind later is not."""

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from iolaus.process import collector
from iolaus.process.collector import importing

HEAVY = "a_heavy_module"


class Leftover:
    """Is in a circle, so that only the collector can find that nobody needs it."""

    def __init__(self) -> None:
        self.circle = self


@pytest.fixture(autouse=True)
def heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module that stands for torch, which these tests have imported long ago."""
    (tmp_path / f"{HEAVY}.py").write_text("kept = [[] for _ in range(1000)]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(collector, "_HEAVY", HEAVY)
    yield
    sys.modules.pop(HEAVY, None)
    gc.unfreeze()


def test_the_first_import_alone_is_set_apart() -> None:
    with importing():
        assert not gc.isenabled()
        __import__(HEAVY)
    assert gc.isenabled()
    num_set_apart = gc.get_freeze_count()
    assert num_set_apart > 1000
    for _ in range(3):  # as for every point that is checked, and every run
        leftover = weakref.ref(Leftover())
        with importing():
            assert gc.isenabled()
            __import__(HEAVY)
        gc.collect()
        assert leftover() is None
    assert gc.get_freeze_count() <= num_set_apart


def test_what_brings_nothing_heavy_along_sets_nothing_apart() -> None:
    num_set_apart = gc.get_freeze_count()
    with importing():
        __import__("json")
    assert gc.get_freeze_count() <= num_set_apart
    assert gc.isenabled()


def test_one_within_another_leaves_it_to_the_outer_one() -> None:
    with importing():
        with importing():
            __import__(HEAVY)
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000


def test_an_import_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ModuleNotFoundError), importing():
        __import__("there_is_no_such_module")
    assert gc.isenabled()
