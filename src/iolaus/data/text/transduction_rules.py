"""Rules that turn a list of words into another one, and commands that name them: what data=transductions is made of.

"double then reverse : owl cat" gives "cat cat owl owl". Every answer is decided by its command; most need to look at
every word of it, in an order that depends on the rules.
"""

import random
from collections.abc import Callable

Words = list[str]

RULES: dict[str, Callable[[Words], Words]] = {
    "reverse": lambda words: words[::-1],
    "sort": sorted,
    "double": lambda words: [word for word in words for _ in range(2)],
    "thin": lambda words: words[::2],  # the first, the third, …
    "swap": lambda words: [word for at in range(0, len(words), 2) for word in words[at : at + 2][::-1]],
    "rotate": lambda words: words[1:] + words[:1],
    "fold": lambda words: [word for pair in zip(words, words[::-1], strict=True) for word in pair][: len(words)],
    "unique": lambda words: list(dict.fromkeys(words)),
}
_ANIMALS = """
    ant bat bee cat cow crab deer dog dove duck eel elk fly fox frog goat gull hare hawk hen ibis jay kite lark lion
    lynx mole moth newt owl
"""
WORDS = _ANIMALS.split()
_LENGTHS = range(3, 11)
_TWO_RULES = 0.5  # the probability that a command chains two


def apply(command: str) -> str:
    """The answer to a command."""
    rules, _, words = command.partition(" : ")
    answer = words.split()
    for rule in rules.split(" then "):
        answer = RULES[rule](answer)
    return " ".join(answer)


def write(chance: random.Random) -> str:
    """A command. Words may come twice: "unique" has something to do."""
    num_rules = 2 if chance.random() < _TWO_RULES else 1
    words = chance.choices(WORDS, k=chance.choice(_LENGTHS))
    return f"{' then '.join(chance.sample(sorted(RULES), num_rules))} : {' '.join(words)}"
