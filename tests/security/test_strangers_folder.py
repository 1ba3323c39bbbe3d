"""A run's or a sweep's folder that a stranger made: what grows when it is read, and what leads elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iolaus.cli import settle
from iolaus.compare.collect import collect
from iolaus.folder import lock
from iolaus.folder.plain_yaml import read_yaml
from iolaus.folder.run_folder import RunFolder, open_run
from iolaus.folder.summary import read_summary
from iolaus.sweep.request import with_stored

_LAUGHS = "a0: &a0 [lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)
)  # 9 to the 39th
_DEEP = "a: " + "[" * 100_000 + "\n"
_INTERPOLATED = "a0: lol\n" + "".join(f"a{n}: ${{a{n - 1}}}${{a{n - 1}}}\n" for n in range(1, 60))
_REFERRING = "a0: {x: lol}\n" + "".join(f"a{n}: {{x: '${{a{n - 1}}}', y: '${{a{n - 1}}}'}}\n" for n in range(1, 60))
_LARGE = "# " + "a" * 2**21 + "\n"
_BOMBS = {
    "laughs": (_LAUGHS, r"holds an alias \(\*a0\)"),
    "merge": ("a: &a {x: 1}\nb: {<<: *a}\n", "holds an alias"),
    "itself": ("a: &a [*a]\n", "holds an alias"),
    "deep": (_DEEP, "is nested more than 50 deep"),
    "interpolated": (_INTERPOLATED, "holds more than 16 interpolations"),
    "referring": (_REFERRING, "holds more than 16 interpolations"),
    "large": (_LARGE, "is larger than 1 MB"),
    "object": ("a: !!python/object/apply:os.system [false]\n", "damaged|constructor"),
    "binary": ("\x00\x01", "damaged"),
}


def _config(run: Path) -> object:
    return RunFolder(run).config


def _overrides(run: Path) -> object:
    return RunFolder(run).overrides


def _sweep(run: Path) -> object:
    return with_stored([f"sweep.resume={run}"])


def _compared(run: Path) -> object:
    return collect([run], ())


@pytest.mark.parametrize("bomb", _BOMBS)
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("config.yaml", _config),
        ("overrides.yaml", _overrides),
        ("overrides.yaml", _compared),
        ("sweep.yaml", _sweep),
        ("sweep.yaml", _compared),
    ],
)
def test_a_bomb_is_refused_before_it_grows(bomb: str, name: str, read: Callable[[Path], object], run: Path) -> None:
    text, expected = _BOMBS[bomb]
    config = (run / "config.yaml").read_text()
    (run / name).write_text(text + (config if name == "config.yaml" else ""))
    if name == "sweep.yaml":
        (run / "trials.json").write_text("[]")
    with pytest.raises(ValueError, match=expected) as raised:
        read(run)
    assert "\n" not in str(raised.value)
    assert str(run / name) in str(raised.value)


def test_resuming_from_it_is_one_sentence(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "overrides.yaml").write_text(_LAUGHS)
    with pytest.raises(SystemExit) as left:
        settle.settle_run([f"resume={run}"])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: resume={run}: ")
    assert "holds an alias" in line


@pytest.mark.parametrize("name", ["config.yaml", "summary.json"])
@pytest.mark.parametrize(
    "again", [["resume={run}"], ["resume={run}", "trainer.batch_size=auto"], ["run_dir={run}", "resume=auto"]]
)
def test_going_on_with_what_is_damaged_is_one_sentence(
    name: str, again: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).write_text("[" * 1000)
    typed = [text.format(run=run) for text in again]
    with pytest.raises(SystemExit) as left:
        settle.settle_run([*typed, *(["model.dim=8"] if len(again) == 2 else [])])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert str(run / name) in line
    lock.release(run)


def test_what_a_run_writes_is_read_as_it_was(run: Path, tmp_path: Path) -> None:
    """Also with as many references to the environment as anybody likes, which lead no further."""
    assert RunFolder(run).config.model.dim == 8
    assert "model.dim=8" in RunFolder(run).overrides
    file = tmp_path / "many.yaml"
    file.write_text("".join(f"a{n}: ${{oc.env:NAME_{n},none}}\n" for n in range(100)))
    assert read_yaml(file)["a99"] == "${oc.env:NAME_99,none}"


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{", '{"status": "finished"}}', "\x00"])
def test_a_summary_that_is_none_is_one_sentence(text: str, run: Path) -> None:
    (run / "summary.json").write_text(text)
    with pytest.raises(ValueError, match=r"summary\.json is damaged: it is no summary of a run\.$"):
        read_summary(run)


@pytest.mark.parametrize("name", ["summary.json.partial", "run.log", "metrics.csv", "checkpoints/new.ckpt.partial"])
def test_a_link_that_leads_out_is_not_written_through(name: str, run: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("untouched")
    (run / name).unlink(missing_ok=True)
    os.symlink(precious, run / name)
    with pytest.raises(ValueError, match="is a link that leads out of the run's folder"):
        open_run(run)
    (run / name).unlink()
    os.symlink("config.yaml", run / "within")  # as W&B makes some
    os.symlink(tmp_path, run / "elsewhere")  # a folder that its owner keeps on another disk
    assert open_run(run).path == run
