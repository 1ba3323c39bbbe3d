"""A grammar of film reviews in which not the words but their order decides whether a film is praised.

Every pattern serves both verdicts: a slot marked + takes the side that the pattern is on, one marked - the other side
("{-clause}, but {+clause}."). So the same words stand in praise and in blame, and what they amount to follows from
negation ("never drags"), contrast ("…, but …") and concession ("although …, …"). The verdict is that of the last
opinion; where one concedes another, that of the main clause.
"""

import random
import re

PRAISE, BLAME = 1, -1


def _phrases(listed: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in listed.split(",")]


PATTERNS: dict[str, list[str]] = {
    "frame": ["…", "{scene} …", "{scene} …", "… {aside}", "{scene} … {aside}"],  # what stands around the opinion
    "opinion": ["{+agreement}", "{+agreement}", "{+agreement}", "{+contrast}", "{+contrast}"],
    "agreement": [
        "{+clause}, and {+clause}.",
        "{+clause}, and {+clause}, because {+clause}.",
        "{+clause}. above all, {+clause}.",
        "I expected {+thing} and got {+thing}.",
        "{critics} called it {+thing}, and they were right.",
        "{critics} were right to call it {+thing}.",
        "it is {+quality} and {+quality}, and {+clause}.",
    ],
    "contrast": [
        "{-clause}, but {+clause}.",
        "{-clause}, and {-clause}, but {+clause}.",
        "{+clause}, {-clause}, but {+clause}.",
        "although {-clause}, {+clause}.",
        "although {-clause}, and {-clause}, {+clause}.",
        "{+clause}, although {-clause}.",
        "{+clause}, and {+clause}, although {-clause}.",
        "{-clause}. even so, {+clause}.",
        "{-clause}, and {-clause}. in the end, however, {+clause}.",
        "I expected {-thing} and got {+thing}.",
        "what begins as {-thing} ends as {+thing}.",
        "it is {+quality} rather than {-quality}, and {+clause}.",
        "it is more {+quality} than {-quality}.",
        "{critics} called it {-thing}, and they were wrong.",
        "{critics} were wrong to call it {-thing}.",
    ],
    "clause": ["{+plain}", "{+plain}", "{+plain}", "{+plain}", "{+negated}"],
    "plain": [
        "{aspect} is {+quality}",
        "{aspect} is {very} {+quality}",
        "{aspect} {+does}",
        "{aspect} {+does} {often}",
        "I {+feel} {aspect}",
        "there is something {+quality} about {aspect}",
    ],
    "negated": [
        "{aspect} is {not} {-quality}",
        "{aspect} {never} {-does}",
        "I cannot say that I {-feel} {aspect}",
        "there is nothing {-quality} about {aspect}",
        "nobody could call {aspect} {-quality}",
    ],
    "thing": ["{+plain_thing}", "{+plain_thing}", "{+plain_thing}", "{+plain_thing}", "{+negated_thing}"],
    "plain_thing": ["a {+quality} {genre}", "a {very} {+quality} {genre}", "a {genre} that {+does}"],
    "negated_thing": ["a {genre} that {never} {-does}", "a {genre} that is {not} {-quality}"],
    "scene": [
        "we saw it on a {weather} {day} {company}.",
        "my {friend} lent it to me last {season}.",
        "I watched it {company} on a {weather} {day}.",
        "a {job} and a {job} meet in {place}.",
        "a young {job} inherits {treasure} from an old {job}.",
        "in {place}, a {job} looks for {treasure}.",
        "it tells of a {job} who leaves {place} with {treasure}.",
        "the story takes place in {place} and follows a {job}.",
    ],
    "aside": [
        "it runs for {number} minutes.",
        "it opens in {place} next {season}.",
        "we walked home {company}.",
        "the cinema was in {place}.",
        "the director was a {job} before.",
        "the next part comes in {season}.",
    ],
    "aspect": _phrases("""
        the acting, the cast, the dialogue, the direction, the editing, the ending, the first half, the hero, the
        humour, the last scene, the lead, the lighting, the middle, the music, the mystery, the narrator, the
        opening, the pace, the photography, the plot, the romance, the script, the second half, the set design, the
        sound, the story, the style, the title song, the villain
    """),
    "very": _phrases("very, truly, quite, really, deeply, surprisingly, utterly"),
    "often": _phrases("again and again, from start to finish, more than once, most of the time, scene after scene"),
    "not": _phrases("not, not at all, hardly, never"),
    "never": _phrases("never, hardly ever"),
    "critics": _phrases(
        "the critics, the newspapers, my friends, my parents, the neighbours, the posters, all my colleagues"
    ),
    "genre": _phrases("comedy, drama, film, ghost story, musical, thriller, western, war film, fairy tale, road movie"),
    "weather": _phrases("rainy, sunny, foggy, windy, snowy, mild, stormy"),
    "day": _phrases("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "season": _phrases("spring, summer, autumn, winter, June, October"),
    "company": _phrases(
        "with my sister, with two neighbours, with the children, with an old friend, after work, after dinner"
    ),
    "friend": _phrases("brother, sister, teacher, uncle, neighbour, grandmother, cousin"),
    "job": _phrases("""
        baker, carpenter, dancer, detective, doctor, farmer, fisherman, judge, lawyer, miner, nurse, painter, pilot,
        poet, sailor, singer, soldier, tailor, thief, widow
    """),
    "place": _phrases("""
        a mountain village, a small harbour, an empty hotel, Berlin, Chicago, Lisbon, Naples, the desert, the north
        of Norway, the old town, a railway station, the suburbs, Tokyo, an island town
    """),
    "treasure": _phrases("""
        a black horse, a box of letters, a broken clock, a lost dog, a bag of coins, a map, a piano, a silver ring,
        a suitcase, an old violin
    """),
    "number": _phrases("ninety, a hundred, eighty, a hundred and ten, seventy"),
}

# What a side has words of its own for.
SIDED: dict[str, dict[int, list[str]]] = {
    "quality": {
        PRAISE: _phrases("""
            brilliant, charming, clever, delightful, elegant, fresh, funny, gripping, honest, inventive, lively,
            lovely, memorable, moving, original, subtle, tender, thrilling, touching, vivid, warm, witty, wonderful,
            superb
        """),
        BLAME: _phrases("""
            awkward, bland, boring, clumsy, cold, dreary, dull, feeble, flat, forgettable, hollow, lazy, lifeless,
            messy, pompous, predictable, shallow, silly, sloppy, sluggish, stale, tedious, tiresome, vulgar
        """),
    },
    "does": {
        PRAISE: _phrases("charms, convinces, delights, moves me, pays off, rings true, shines, soars, works"),
        BLAME: _phrases("annoys, bores, disappoints, drags, fails, falls apart, falls flat, stumbles, tires me"),
    },
    "feel": {
        PRAISE: _phrases("admire, adore, enjoy, like, love"),
        BLAME: _phrases("despise, dislike, hate, loathe, regret"),
    },
}

SLOT = re.compile(r"\{([+-]?)(\w+)\}")


def write(chance: random.Random, symbol: str, side: int = PRAISE) -> str:
    """A text of this kind on this side; no phrase is used twice as long as there is another."""
    text = _expand(chance, symbol, side, used=set())
    text = re.sub(r"\ba (?=[aeiou]|honest)", "an ", text)
    return re.sub(r"(?:^|(?<=[.…] ))[a-z]", lambda letter: letter[0].upper(), text)


def _expand(chance: random.Random, symbol: str, side: int, used: set[str]) -> str:
    choices = SIDED[symbol][side] if symbol in SIDED else PATTERNS[symbol]
    pattern = chance.choice([choice for choice in choices if choice not in used or "{" in choice] or choices)
    used.add(pattern)
    return SLOT.sub(lambda slot: _expand(chance, slot[2], -side if slot[1] == "-" else side, used), pattern)
