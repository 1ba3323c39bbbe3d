"""What every mistake has in common: it is named in one sentence."""


def assert_one_sentence(problems: list[str], parts: list[str]) -> None:
    """parts: what the sentence must hold."""
    assert len(problems) == 1, problems
    assert "\n" not in problems[0]
    for part in parts:
        assert part in problems[0]
