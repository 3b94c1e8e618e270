"""What becomes of a text before it is spoken."""

import pytest

from visavis.errors import ServiceError
from visavis.voice.engine import MAX_SENTENCE_CHARS, MAX_TEXT_CHARS, clean_text, sentences


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  Good   morning.  ", "Good morning."),
        ("One\x00two\x1b[31m\x07three", "One two [31m three"),
        ("Line one\r\n\r\n\tline two\n", "Line one\nline two"),
        ("bidi \u202ereversed\u202c end", "bidi reversed end"),
        ("e\u0301t\u00e9", "été"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ud800broken", "broken"),
        ("你好", "你好"),
    ],
)
def test_cleans_what_cannot_be_spoken(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "...", "!?", "\x00\x01", "🙂"])
def test_refuses_a_text_without_words(text: str) -> None:
    with pytest.raises(ServiceError) as caught:
        clean_text(text)
    assert caught.value.code == "text_empty"
    assert caught.value.hint


@pytest.mark.parametrize("length", [MAX_TEXT_CHARS + 1, 10_000_000])
def test_refuses_a_text_that_is_too_long(length: int) -> None:
    with pytest.raises(ServiceError) as caught:
        clean_text("a" * length)
    assert caught.value.code == "text_too_long"
    assert str(length) in caught.value.message


def test_takes_a_text_of_the_greatest_length() -> None:
    assert len(clean_text("a" * MAX_TEXT_CHARS)) == MAX_TEXT_CHARS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Guten Tag. Wie geht es?", ["Guten Tag.", "Wie geht es?"]),
        ("Ja! Nein? Doch…", ["Ja!", "Nein?", "Doch…"]),
        ("Dr. No trifft J. S. Bach.", ["Dr. No trifft J. S. Bach."]),
        ("Es kostet 3.50 Euro.", ["Es kostet 3.50 Euro."]),
        ("你好。再见！", ["你好。", "再见！"]),
        ("eins\nzwei", ["eins", "zwei"]),
    ],
)
def test_cuts_where_a_speaker_pauses(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize("text", ["word " * 400, "clause, " * 300, "x" * 2_000, "a" * 299 + " " + "b" * 400])
def test_cuts_endless_sentences_without_losing_a_letter(text: str) -> None:
    pieces = sentences(text)
    assert max(map(len, pieces)) <= MAX_SENTENCE_CHARS
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
