"""The prefix automaton of scene text: exact with respect to the language, and never at a dead end."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.planner.lexers import ALPHABET, MAX_QUOTE, MAX_WORD, Name, NewWord, Number, Phrases
from spatialfusion.planner.llm import examples
from spatialfusion.planner.prefix import MAX_COUNT, MAX_THINGS, Prefix
from spatialfusion.planner.token_masks import TokenMasks, token_texts
from spatialfusion.scenes import lexicon
from spatialfusion.scenes.language import read_scene_text
from spatialfusion.scenes.program import member_names

# Nouns that are easily taken for each other: synonyms, last words of longer ones, attributes and colours.
NOUNS = (
    "man woman person figure table|dining table|round table|oak tree|tree|dog|chair|wall|car|cup|mug|glass|iron|stone|"
    "drinking glass|glass table|orange fruit|couch|sofa|child|t-shirt|panda"
)
NOUNS = frozenset(NOUNS.replace("man woman person figure table", "man|woman|person|figure|table").split("|"))


def is_prefix(text: str) -> bool:
    return Prefix().feed(text) is not None


def written(rng: random.Random, pieces: int) -> str:
    """A random text: of what may come next at each place one thing, often a noun that may be mistaken."""
    prefix = Prefix.begin()
    for _ in range(pieces):
        if prefix.complete and rng.random() < 0.05:
            break
        node, choice, state = rng.choice(prefix.threads)
        lexer = node.choices[choice][0]
        if (value := lexer.done(state)) is not None:
            node = node.after(choice, value)
            if not node.choices:
                continue
            lexer = rng.choice(node.choices)[0]
            state = lexer.start
        more = _piece(rng, lexer, state)
        if more:
            longer = prefix.feed(more)
            assert longer is not None, (prefix.text, more)
            prefix = longer
    return prefix.text + prefix.finish()


def _piece(rng: random.Random, lexer, state) -> str:
    if not isinstance(lexer, Phrases):
        return lexer.finish(state)
    low, high, depth = state
    phrases = lexer.list.phrases[low:high]
    if len(phrases) > 900 and rng.random() < 0.9:
        phrases = [phrase for phrase in phrases if phrase in NOUNS or phrase[:-1] in NOUNS] or phrases
    phrase = rng.choice(phrases)
    return phrase[depth:] if lexer.allowed is None or lexer.allowed(phrase) else ""


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([5, 20, 80, 200]))
def test_what_is_complete_is_a_text_of_the_language(seed, pieces):
    text = written(random.Random(seed), pieces)
    program = read_scene_text(text)
    assert program.solved
    names = [name for name in member_names(program) if name]
    assert len(names) == len(set(names))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_every_prefix_of_a_text_is_one_and_can_be_finished(seed):
    text = written(random.Random(seed), 40)
    prefix = Prefix.begin()
    places = set(random.Random(seed).sample(range(len(text)), min(6, len(text))))
    for place, char in enumerate(text):
        prefix = prefix.feed(char)
        assert prefix is not None and prefix.text == text[: place + 1]
        if place in places:
            assert len(prefix.finish()) < 120
            read_scene_text(prefix.text + prefix.finish())
    assert prefix.complete


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120))
def test_random_letters_come_to_a_text(seed, count):
    """As a model of random weights that writes letter by letter."""
    rng, prefix = random.Random(seed), Prefix.begin()
    for _ in range(count):
        letters = sorted(ALPHABET)
        rng.shuffle(letters)
        longer = next(filter(None, map(prefix.feed, letters)), None)
        if longer is None:
            assert prefix.complete  # it has said all that a text may
            break
        prefix = longer
    read_scene_text(prefix.text + prefix.finish())


def test_a_text_comes_to_an_end():
    line = "cube size 2 left of cube 1\n"
    prefix = Prefix().feed("outdoor\ncube\n" + line * (MAX_THINGS - 1))
    assert prefix is not None and prefix.feed("c") is not None and prefix.feed("d") is None
    ended = prefix.feed("camera auto\n")
    assert ended.complete and not any(map(ended.feed, ALPHABET))
    assert not is_prefix(f"{MAX_COUNT + 1} dogs") and is_prefix(f"{MAX_COUNT} dogs")
    assert is_prefix("a" * MAX_WORD + " size 1") and not is_prefix("a" * (MAX_WORD + 1))
    assert is_prefix('dog "' + "a" * MAX_QUOTE + '"') and not is_prefix('dog "' + "a" * (MAX_QUOTE + 1))


@pytest.mark.parametrize(("prompt", "text"), examples())
def test_the_examples_of_the_instruction_are_of_the_grammar(prompt, text):
    prefix = Prefix().feed(text)
    assert prefix is not None and prefix.complete, prompt


@pytest.mark.parametrize(
    "text",
    [
        "dog left of cat",  # no cat yet
        "dog left of dog",
        "dog as dogs\n",
        "house\nhouse\ncar left of house\n",  # which of them
        "man\ndog next to man\nman\n",  # "man" would be one of two
        "dog as dog1\ncat as dog1\n",
        "dog facing left facing right",
        "dog on wall",  # no room
        "dog facing each other",
        "zorblax left",
        "zorblax\n",
        "dog by 2",
        "house\ndog left of house by 99",
        "house\ndog 1 times as big as house",
        "camera auto\ncamera ",
        "camera\n",
        "Dog",
        "dog\n\n",
        "house\ndog between house and house",
        "3 chairs\ndog between chairs",
        "dog size 2 3\n",
        "dog size 2 height",
        "parking meter\n",  # "meter" is read as a unit
        "room\noutdoor\n",
    ],
)
def test_what_the_language_does_not_take_is_no_prefix(text):
    assert not is_prefix(text)


@pytest.mark.parametrize(
    "text",
    [
        "house blue\ncar red left of house by 2 facing left\ncamera auto",
        "man\ndog next to man\nwoman left of man\ncamera auto",
        "2 chairs\nround table\ndog next to chair 2 on table\ncamera sees left of dog 3 from chair 1 high",
        "room\nsofa against wall\npicture on wall above sofa\ncamera wide",
        'man "in a red coat" as man1\nman back to back with man1 3 from man1 0.5 taller than man1\ncamera auto',
        "blue whale\nred panda twice as big as whale\ncamera auto",
        "chair\nchair\ndog facing chair 2 2 from chair 1\ncamera low",
        "car red\ncar blue\ndog between red car and blue car\ncamera top-down",
        "4 trees in a row\n2 men facing each other in front of trees by 1.5\ncamera eye level",
        "zorblax size 1 2 3\ngizmo like dog next to zorblax\ncamera auto",
    ],
)
def test_what_planners_write_is_a_text(text):
    prefix = Prefix().feed(text)
    assert prefix is not None and prefix.complete
    read_scene_text(text)
    assert all(is_prefix(text[:end]) for end in range(len(text)))


def test_no_word_of_the_lexicon_is_as_long_as_a_new_word_may_be():
    words = {word for noun in lexicon.NOUNS.values() for word in (noun.name, noun.plural, *noun.synonyms)}
    assert max(map(len, {*words, *lexicon.ATTRIBUTES})) < MAX_WORD


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([Number(0.05, 50), Number(0.1, 100), Number(0.05, 50, without=1)]), st.randoms())
def test_numbers_are_never_at_a_dead_end(lexer, rng):
    state = ""
    for _ in range(rng.randrange(7)):
        following = [new for char in "0123456789." if (new := lexer.step(state, char)) is not None]
        if not following:
            break
        state = rng.choice(following)
    number = float(lexer.done(state + lexer.finish(state)))
    assert lexer.low <= number <= lexer.high and number != lexer.without


def test_words_and_names_end_where_they_may():
    word = NewWord(lambda word: word != "dog")
    assert word.done("dog") is None and word.done("dogs") and word.done("dog" + word.finish("dog"))
    name = Name({"car1", *(f"dog{n}" for n in range(1, 100) if n != 57)})
    assert name.done("car1") is None and name.step("car", "1") == "car1" and name.done("car12")
    assert name.finish("dog5") == "7" and name.step("dog", "4") is None and name.finish("") == "thing1"


# --- masks of tokens -----------------------------------------------------------------------------------------------

VOCABULARY = sorted(
    {char for char in ALPHABET}
    | {
        f"{space}{word}"
        for space in ("", " ")
        for word in "dog house car chair table camera auto left of in front".split()
    }
    | {f" {word}"[cut:][:4] for word in ("giraffe", "refrigerator", "behind", "facing", "sees") for cut in range(4)}
    | {
        "\n\n",
        ".\n",
        'r"\n',
        "1.5",
        " 2",
        "é",
        "Dog",
        "left of house by",
        " as car1\n",
        "of red",
        "'s a",
        "-old",
        "e" * 20,
    }
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 10, 40, 100]))
def test_a_mask_has_the_tokens_that_may_come_and_no_other(seed, pieces):
    rng = random.Random(seed)
    text = written(rng, pieces) if pieces else ""
    text = text[: rng.randrange(len(text) + 1)]
    prefix = Prefix().feed(text)
    allowed = TokenMasks([None, *VOCABULARY]).allowed(prefix)
    wanted = [False] + [set(token) <= ALPHABET and prefix.feed(token) is not None for token in VOCABULARY]
    assert allowed.tolist() == wanted


def test_vocabularies_are_read_as_text():
    byte_level = {"Ġred": 0, "Ċ": 1, "dog": 2, "é": 3, "<|end|>": 4, '"': 5, "Ġ": 6}
    assert token_texts(byte_level, special=[4]) == [" red", "\n", "dog", None, None, '"', " "]
    pieces = {"▁red": 0, "<0x0A>": 1, "dog": 2, "é": 3, "<eos>": 4, "▁": 5, "▁▁": 6}
    assert token_texts(pieces, special=[4], size=9) == [" red", "\n", "dog", None, None, " ", "  ", None, None]


def test_masks_of_one_place_are_kept():
    masks, prefix = TokenMasks(VOCABULARY), Prefix().feed("house\ncar ")
    assert masks.allowed(prefix) is masks.allowed(prefix)
    assert np.flatnonzero(masks.allowed(prefix)).size
