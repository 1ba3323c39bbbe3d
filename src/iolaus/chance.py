"""Where chance comes from: every draw of a run follows from (seed, epoch, batch, rank) and from nothing else.

A batch carries its own seed (`Batch.seed`), and the generators are set to it before the batch is augmented and stepped
on. So the draws of step 1000 do not depend on how the run got there: in one go, or resumed.
"""

import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seeds Python, NumPy and torch, for what is drawn before the first batch: the initial weights."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seeds_of(count: int, *position: int) -> list[int]:
    """`count` seeds of 63 bits that follow from e.g. (seed, epoch, rank); near positions give unrelated seeds."""
    words = np.random.SeedSequence(position).generate_state(count, np.uint64)
    return (words >> np.uint64(1)).tolist()


def generator_of(device: torch.device) -> torch.Generator:
    """The generator that dropout and augmentation draw from on this device."""
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator


def reseed(seed: int, device: torch.device) -> torch.Generator:
    """Sets the device's generator, and the CPU's, directly: 1 µs, where `torch.manual_seed` costs 100-300 µs."""
    torch.default_generator.manual_seed(seed)
    generator = generator_of(device)
    generator.manual_seed(seed)
    return generator
