"""Commands on lists of words: what the rules make of them, and how they come as batches."""

from collections import Counter

import torch

from iolaus.data.text.transduction_rules import RULES, apply
from iolaus.data.text.transductions import Transductions
from iolaus.spec import Sentence, Text


def test_every_rule_does_what_it_says() -> None:
    words = "d a c a b"
    expected = {
        "reverse": "b a c a d",
        "sort": "a a b c d",
        "double": "d d a a c c a a b b",
        "thin": "d c b",
        "swap": "a d a c b",
        "rotate": "a c a b d",
        "fold": "d b a a c",
        "unique": "d a c b",
    }
    assert {rule: apply(f"{rule} : {words}") for rule in RULES} == expected
    assert apply("double then reverse : owl cat") == "cat cat owl owl"


def test_they_are_the_same_every_time_and_none_is_in_both_parts() -> None:
    train, test = Transductions(seed=3).pairs()
    assert (train, test) == Transductions().pairs()
    assert (len(train), len(test)) == (20_000, 2_000)
    assert not {command for command, _ in train} & {command for command, _ in test}
    uses = Counter(rule for command, _ in train for rule in command.partition(" : ")[0].split(" then "))
    assert uses.keys() == RULES.keys()
    assert min(uses.values()) > 3_000
    assert sum(" then " in command for command, _ in train) > 9_000


def test_batches_hold_commands_and_closed_answers() -> None:
    data = Transductions()
    data.setup()
    assert (data.input, data.target) == (Text(45, 16), Sentence(45, 24))
    for split in (data.train, data.val, data.test):
        batch = split.batch(torch.arange(len(split)))
        assert batch.target is not None
        assert not (batch.input == 1).any()
        assert ((batch.target == 3).sum(1) == 1).all()  # none is cut
        for number in range(0, len(split), 500):
            assert apply(data.decode(batch.input[number])) == data.decode(batch.target[number])
    again = Transductions()
    again.load_state_dict(data.state_dict())
    again.setup()
    assert again.fitted() == data.fitted()
    assert (again.input, again.target) == (data.input, data.target)
