"""The README's table of choices, read: each group's choices, and what is said of them in brackets."""

import re

from tests.conftest import REPOSITORY


def choices_of(group: str) -> dict[str, str]:
    """Every choice that the README names, with the bracket that follows it: `a, b (text); c` is a and b with "text"."""
    text = (REPOSITORY / "README.md").read_text()
    (row,) = re.findall(rf"^\| `{group}=` \| (.*) \|$", text, re.M)
    found = {}
    for names, bracket in re.findall(r"([^()]+)(?:\(([^()]*)\))?", row):
        without_labels = re.sub(r"[\w ]+:", "", names)  # built in: …
        found |= dict.fromkeys(re.findall(r"\w+", without_labels), bracket)
    return found
