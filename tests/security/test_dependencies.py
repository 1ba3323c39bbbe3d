"""What runs is what was pinned, everything that can be installed is pinned, and nothing known to be bad fits."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import REPOSITORY

# Package, first version of it that is bad, first that is good again, and who says so.
BAD = [
    ("lightning", "2.6.2", "2.6.4", "stole credentials on import: GHSA-w37p-236h-pfx3"),
    ("torch", "2.5.1", "2.6.0", "weights_only=True ran code: CVE-2025-32434, GHSA-53q9-r3pm-6pq6"),
    ("torch", "2.9.1", "2.10.0", "weights_only=True corrupted memory: CVE-2026-24747"),
    ("hydra-core", "1.3.5", "1.3.6", "aliases got past the list of blocked targets: GHSA-37p2, hydra issue 3410"),
    ("pillow", "10.2.0", "10.3.0", "buffer overflow: CVE-2024-28219"),
    ("filelock", "3.20.0", "3.20.3", "followed links and truncated what they lead to: CVE-2025-68146, CVE-2026-22701"),
]
# They come with an environment, or with torch's build for an accelerator, whatever the constraints say.
UNPINNED = re.compile(r"pip|iolaus|nvidia-.*|cuda-.*|triton")


def _pins() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def _declared() -> list[Requirement]:
    """Of the package, all extras included."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return [requirement for line in lines if (requirement := Requirement(line)).name != "iolaus"]


def _reachable() -> Iterator[str]:
    """The names of everything that our requirements lead to on this machine."""
    waiting, seen = _declared(), set()
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        yield key[0]
        try:
            lines = requires(requirement.name) or []
        except PackageNotFoundError:
            continue  # not for this machine, or a test of the pins names it
        for inner in map(Requirement, lines):
            extras = [{"extra": extra} for extra in ("", *requirement.extras)]
            if inner.marker is None or any(inner.marker.evaluate(extra) for extra in extras):
                waiting.append(inner)


def test_what_is_installed_is_what_is_pinned() -> None:
    pins = _pins()
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        if not UNPINNED.fullmatch(name):
            assert name in pins, f"{name} is installed, but not in constraints.txt"
            assert Version(distribution.version).public == pins[name]  # without the tag of a build, as in 2.13.0+cpu


def test_everything_that_we_lead_to_is_pinned() -> None:
    missing = {name for name in _reachable() if not UNPINNED.fullmatch(name)} - _pins().keys()
    assert not missing, f"not in constraints.txt: {', '.join(sorted(missing))}"
    assert len(set(_reachable())) > 100  # the walk went somewhere


def test_a_pin_is_exact_and_its_name_is_there_once() -> None:
    text = (REPOSITORY / "constraints.txt").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert len(_pins()) == len(lines)


def test_pins_fit_our_own_ranges() -> None:
    pins = _pins()
    for requirement in _declared():
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize(("name", "bad", "good", "reason"), BAD, ids=lambda value: value)
def test_no_known_bad_version_fits(name: str, bad: str, good: str, reason: str) -> None:
    (requirement,) = [found for found in _declared() if canonicalize_name(found.name) == name]
    assert not requirement.specifier.contains(bad), reason
    assert Version(_pins()[name]) >= Version(good), reason


def test_no_malicious_version_of_what_lightning_brings_is_pinned() -> None:
    """Both names were uploaded at once: GHSA-w37p-236h-pfx3."""
    assert _pins()["pytorch-lightning"] == _pins()["lightning"] not in ("2.6.2", "2.6.3")
