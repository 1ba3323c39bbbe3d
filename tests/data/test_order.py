"""The order of the batches is a function of (seed, epoch), and what processes share out adds up to the whole."""

import itertools
from typing import Any

import pytest
import torch

from iolaus.batch import Batch
from iolaus.data.loader import Loader
from iolaus.data.order import Order


class Numbers:
    """A split of the numbers themselves."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def batch(self, index: torch.Tensor) -> Batch:
        return Batch(index, None, index)


def _flat(batches: list[list[Any]]) -> list[Any]:
    return list(itertools.chain.from_iterable(batches))


def _epoch(order: Order, epoch: int) -> list[list[int]]:
    return [batch.tolist() for batch in order.batches(epoch)]


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    order = Order(50, 8, seed=3, shuffle=True)
    assert _epoch(order, 4) == _epoch(Order(50, 8, seed=3, shuffle=True), 4)
    assert _epoch(order, 4) != _epoch(order, 5)
    assert _epoch(order, 4) != _epoch(Order(50, 8, seed=4, shuffle=True), 4)


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize(("count", "batch_size"), [(50, 8), (48, 8), (7, 8), (9, 8)])
def test_evaluation_sees_every_sample_once(count: int, batch_size: int, with_lengths: bool) -> None:
    lengths = torch.arange(count).flip(0) if with_lengths else None
    seen = sorted(_flat(_epoch(Order(count, batch_size, lengths=lengths), 0)))
    assert seen == list(range(count))


@pytest.mark.parametrize("with_lengths", [False, True])
def test_training_sees_no_sample_twice_and_drops_only_an_incomplete_batch(with_lengths: bool) -> None:
    lengths = torch.randint(1, 99, (50,)) if with_lengths else None
    batches = _epoch(Order(50, 8, shuffle=True, lengths=lengths), 1)
    assert [len(batch) for batch in batches] == [8] * 6
    assert len(set(_flat(batches))) == 48


def test_what_training_leaves_out_is_not_always_the_longest() -> None:
    lengths = torch.arange(1, 51)
    left_out = [
        set(range(50)) - set(_flat(_epoch(Order(50, 8, shuffle=True, lengths=lengths), epoch))) for epoch in range(9)
    ]
    assert len(set(map(frozenset, left_out))) > 1
    assert any(max(left) < 40 for left in left_out)


def test_similar_lengths_come_together() -> None:
    lengths = torch.randint(1, 1000, (4000,), generator=torch.Generator().manual_seed(0))
    spread = [lengths[batch].float().std() for batch in _epoch(Order(4000, 20, shuffle=True, lengths=lengths), 0)]
    assert torch.stack(spread).mean() < 0.1 * lengths.float().std()


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("count", [50, 49, 17, 16])
def test_processes_share_out_every_batch(count: int, shuffle: bool) -> None:
    whole = _epoch(Order(count, 8, shuffle=shuffle, seed=1), 2)
    ranks = [_epoch(Order(count, 8, shuffle=shuffle, seed=1, rank=rank, world_size=3), 2) for rank in range(3)]
    assert len({len(batches) for batches in ranks}) == 1  # or one would wait for ever
    assert all(batch for batches in ranks for batch in batches)
    assert sorted(_flat(_flat(ranks))) == sorted(_flat(whole))


def test_only_training_batches_carry_seeds_and_each_its_own() -> None:
    loader = Loader(Numbers(50), Order(50, 8, shuffle=True, seed=1), epoch=lambda: 2)
    seeds = [batch.seed for batch in loader]
    assert len(set(seeds)) == 6
    assert seeds == [batch.seed for batch in loader]
    other = Loader(Numbers(50), Order(50, 8, shuffle=True, seed=1, rank=1, world_size=2), epoch=lambda: 2)
    assert not set(seeds) & {batch.seed for batch in other}
    assert {batch.seed for batch in Loader(Numbers(50), Order(50, 8))} == {None}


def test_a_loader_goes_on_where_its_state_was_taken() -> None:
    def loader() -> Loader:
        return Loader(Numbers(50), Order(50, 8, shuffle=True, seed=1), epoch=lambda: 2)

    whole = [(batch.index.tolist(), batch.seed) for batch in loader()]
    first = loader()
    iterator = iter(first)
    for _ in range(4):
        next(iterator)
    second = loader()
    second.load_state_dict(first.state_dict())
    assert [(batch.index.tolist(), batch.seed) for batch in second] == whole[4:]
    assert [(batch.index.tolist(), batch.seed) for batch in second] == whole  # the next epoch is whole again


def test_a_state_of_another_epoch_does_not_shorten_this_one() -> None:
    epoch = 2
    loader = Loader(Numbers(50), Order(50, 8, shuffle=True, seed=1), epoch=lambda: epoch)
    loader.load_state_dict({"epoch": 1, "num_done": 5})
    assert len(list(loader)) == 6
