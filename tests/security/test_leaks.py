"""Ten fits in one process leave nothing behind, and runs that start in the same second have a folder each."""

import gc
import multiprocessing
import os
import threading
import warnings
from pathlib import Path

import pytest

from iolaus.config.compose import compose
from iolaus.folder.place import reserve
from iolaus.run import run

_WARM_UPS, _FITS = 3, 10
# Over the last five fits. A model that is kept, with its optimizer, would be 85; MLflow keeps 1.4 a fit, nobody else
# anything. What the allocator holds back comes and goes, so the least of three fits counts.
_GROWTH_MB = 10


def _held() -> dict[str, int]:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return {
        "file descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "processes": len(children),
    }


def _memory_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts by /proc, which only Linux has")
def test_ten_fits_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = [
        "trainer=cpu", "trainer.max_epochs=1", "+trainer.limit_train_batches=2", "+trainer.limit_val_batches=1",
        "+trainer.limit_test_batches=1", "model.dim=600", "logger=[tensorboard,wandb,mlflow]",
        "logger.wandb.num_predictions=0",
    ]  # fmt: skip
    composed = compose(overrides)

    def fit(number: int) -> None:
        folder = reserve(tmp_path / "runs", str(number))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(composed.config, folder, choices=composed.choices, overrides=overrides, command="", group=None)

    for number in range(_WARM_UPS):  # libraries open what they keep for good
        fit(number)
    before, memory = _held(), []
    for number in range(_WARM_UPS, _WARM_UPS + _FITS):
        fit(number)
        memory.append(_memory_mb())
    after = _held()
    for kind, count in before.items():
        assert after[kind] <= count, f"{kind}: {count} before ten fits, {after[kind]} after them"
    assert min(memory[-3:]) - min(memory[-8:-5]) < _GROWTH_MB, memory


def _reserve(parent: str, start: "multiprocessing.synchronize.Barrier", queue: "multiprocessing.Queue[str]") -> None:
    start.wait()
    queue.put(str(reserve(Path(parent))))


def test_sixteen_runs_of_the_same_second_have_sixteen_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iolaus.folder.place.time.strftime", lambda _: "2026-01-01-00-00-00")
    context = multiprocessing.get_context("fork")
    start, queue = context.Barrier(16), context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking beside threads: the children only make folders
        processes = [context.Process(target=_reserve, args=(str(tmp_path), start, queue)) for _ in range(16)]
        for process in processes:
            process.start()
    folders = {queue.get(timeout=120) for _ in processes}
    for process in processes:
        process.join(timeout=120)
    assert len(folders) == 16
    assert {path.name for path in tmp_path.iterdir()} == {Path(folder).name for folder in folders}
