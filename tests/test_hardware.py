"""The machine is described truly, and bfloat16 is chosen where it pays."""

import json
import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from iolaus import hardware as module
from iolaus.hardware import best_precision, hardware, memory_format, num_cores, peak_memory_mb

DENSE = nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2))
MAPS = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3)), nn.Linear(2, 2))
WAVES = nn.Sequential(nn.Conv1d(1, 2, 3))


def test_description_is_plain_and_plausible() -> None:
    found = hardware()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {"cpu", "cores", "memory_gb", "accelerators"}
    assert found["cpu"]
    assert 1 <= found["cores"] <= os.cpu_count()
    assert 0.1 < found["memory_gb"] < 100_000
    assert len(found["accelerators"]) == max(torch.cuda.device_count(), int(torch.backends.mps.is_available()))


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "400000 100000\n"}, 4),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "10000 100000\n"}, 1),
        ({"cpu.max": "6400000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
    ],
)
def test_cores_are_those_of_the_container(
    files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(files, tmp_path)
    monkeypatch.setattr(module, "_CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert num_cores() == cores


@pytest.mark.parametrize(
    ("files", "is_limited"),
    [
        ({}, False),
        ({"memory.max": "max\n"}, False),
        ({"memory.max": str(2**27)}, True),
        ({"memory/memory.limit_in_bytes": str(2**27)}, True),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, False),
    ],
)
def test_memory_is_that_of_the_container(
    files: dict[str, str], is_limited: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(files, tmp_path)
    monkeypatch.setattr(module, "_CONTROL_GROUPS", tmp_path)
    physical = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    assert hardware()["memory_gb"] == (0.1 if is_limited else physical)


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def pretend(
    monkeypatch: pytest.MonkeyPatch, *, amx: bool = False, avx512: bool = False, device: str | None = None
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
    found = device and torch.device(device)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: check_available and found)


@pytest.mark.parametrize("instructions", [{"amx": True}, {"avx512": True}, {}])
@pytest.mark.parametrize("model", [DENSE, MAPS, WAVES])
@pytest.mark.parametrize("accelerator", ["auto", "cpu"])
def test_cpus_take_bfloat16_for_convolutions(
    accelerator: str, model: nn.Module, instructions: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, **instructions)
    name, why = best_precision(model, accelerator)
    assert name == ("bf16-mixed" if instructions and model is not DENSE else "32-true")
    assert why.endswith(".")


@pytest.mark.parametrize("has_bfloat16", [True, False])
@pytest.mark.parametrize("accelerator", ["auto", "gpu", "cuda"])
def test_gpus_take_bfloat16_where_they_have_it(
    accelerator: str, has_bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, device="cuda")
    # Emulated bfloat16 is slower than float32, so it must not be asked for.
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: has_bfloat16 or including_emulation
    )
    assert best_precision(DENSE, accelerator).name == ("bf16-mixed" if has_bfloat16 else "32-true")


@pytest.mark.parametrize("accelerator", ["auto", "gpu", "mps"])
def test_other_accelerators_compute_in_float32(accelerator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, device="mps", amx=True)
    name, why = best_precision(MAPS, accelerator)
    assert name == "32-true"
    assert "mps" in why


def test_a_run_on_the_cpu_ignores_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, device="cuda")
    assert best_precision(MAPS, "cpu").name == "32-true"


def test_a_torch_without_the_private_checks_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert best_precision(MAPS, "cpu").name == "32-true"


def test_channels_come_last_for_maps_only() -> None:
    assert memory_format(MAPS) is torch.channels_last
    assert memory_format(WAVES) is memory_format(DENSE) is torch.contiguous_format


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's own count is in /proc on Linux only")
def test_peak_memory_is_the_kernels_high_water_mark() -> None:
    (mark,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    assert peak_memory_mb() == pytest.approx(int(mark.split()[1]) / 1024, rel=0.05)


def test_peak_memory_knows_the_units_of_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    linux = peak_memory_mb()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peak_memory_mb() == pytest.approx(linux / 1024, rel=0.05)


def test_peak_memory_is_the_gpus_where_one_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 3 * 2**20)
    assert peak_memory_mb() == 3.0
