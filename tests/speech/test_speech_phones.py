"""What a face does for each sound of the world's languages."""

import unicodedata

import pytest

from visavis.speech.ipa import GESTURES, SHAPE_CONTROLS, Gesture
from visavis.speech.phones import gestures, ipa_of_arpabet

IPA_LETTERS = (
    "iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒ"  # vowels
    "pbtdʈɖcɟkɡqɢʔmɱnɳɲŋɴʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟ"  # consonants of the lungs
    "ʘǀǃǂǁɓɗʄɠʛʍwɥʜʢʡɕʑɺɧ"  # clicks, implosives and others
)


def one(ipa: str) -> Gesture:
    found = gestures(ipa)
    assert len(found) == 1, f"{ipa} is {len(found)} gestures"
    return found[0]


def target(ipa: str, control: str) -> float:
    return one(ipa).targets[SHAPE_CONTROLS.index(control)]


def insists(ipa: str, control: str) -> float:
    return one(ipa).dominance[SHAPE_CONTROLS.index(control)]


@pytest.mark.parametrize("letter", IPA_LETTERS)
def test_every_letter_of_the_ipa_is_in_the_table(letter: str) -> None:
    assert letter in GESTURES
    gesture = one(letter)
    assert all(0 <= value <= 1 for value in gesture.targets)
    assert len(gesture.targets) == len(gesture.dominance) == len(SHAPE_CONTROLS)


def test_jaw_follows_vowel_height() -> None:
    for series in ("ieɛæa", "yøœɶ", "uoɔɒ"):
        jaws = [target(vowel, "jawOpen") for vowel in series]
        assert jaws == sorted(jaws), f"{series}: {jaws}"
    assert target("i", "jawOpen") < 0.2
    assert 0.6 <= target("a", "jawOpen") <= 0.75


@pytest.mark.parametrize(("rounded", "spread"), ["yi", "øe", "œɛ", "uɯ", "oɤ", "ɔʌ", "ɒɑ"])
def test_rounded_vowels_differ_from_spread_ones_of_the_same_place_in_the_lips(rounded: str, spread: str) -> None:
    assert target(rounded, "mouthPucker") > target(spread, "mouthPucker") + 0.15
    assert target(rounded, "mouthStretch") <= target(spread, "mouthStretch")


def test_close_rounded_vowels_are_rounder_than_open_ones() -> None:
    puckers = [target(vowel, "mouthPucker") for vowel in "uoɔɒ"]
    assert puckers == sorted(puckers, reverse=True)


def test_front_vowels_spread_the_lips_and_show_teeth() -> None:
    assert target("i", "mouthStretch") > 0.3
    assert target("ɛ", "mouthUpperUp") > 0.3
    assert target("ɑ", "mouthStretch") < 0.1


@pytest.mark.parametrize("ipa", ["p", "b", "m", "pʰ", "pʼ", "ɓ", "pː", "m̩", "mʲ", "k͡p", "ɡ͡b", "ŋ͡m", "ʘ"])
def test_lips_close_for(ipa: str) -> None:
    assert one(ipa).closure == "bilabial"
    assert one(ipa).strength == 1


@pytest.mark.parametrize("ipa", ["f", "v", "ɱ", "fʲ", "vː"])
def test_the_lower_lip_goes_under_the_teeth_for(ipa: str) -> None:
    assert one(ipa).closure == "labiodental"
    assert one(ipa).strength == 1


@pytest.mark.parametrize("ipa", ["θ", "ð"])
def test_the_tongue_goes_between_the_teeth_for(ipa: str) -> None:
    assert one(ipa).closure == "interdental"


@pytest.mark.parametrize("ipa", ["a", "t", "k", "s", "n", "w", "u", "h", "q", "ʔ", "ɹ"])
def test_nothing_closes_for(ipa: str) -> None:
    assert one(ipa).closure is None


def test_lips_come_near_without_touching_for_bilabial_fricatives() -> None:
    assert one("β").closure == "bilabial"
    assert one("β").strength < 0.7


def test_an_aspirated_stop_is_let_go_earlier_and_a_nasal_later() -> None:
    assert one("pʰ").hold < one("p").hold < one("b").hold < one("m").hold


def test_labial_velars_raise_the_tongue_behind_closed_lips() -> None:
    assert target("k͡p", "tongueBodyUp") > 0.8
    assert target("w", "mouthPucker") > 0.7
    assert target("w", "tongueBodyUp") > 0.2


def test_hissing_and_hushing_nearly_close_the_teeth_and_insist_on_it() -> None:
    for sibilant in "szʃʒʂʐɕʑ":
        assert target(sibilant, "jawOpen") < 0.12
        assert insists(sibilant, "jawOpen") > 1
    assert target("ʃ", "mouthFunnel") > 0.7 > 0.3 > target("s", "mouthFunnel")
    assert target("s", "mouthLowerDown") > 0.3
    # Mandarin: a retroflex is less rounded than an English sh, an alveolo-palatal is spread.
    assert target("ʃ", "mouthFunnel") > target("ʂ", "mouthFunnel") > target("ɕ", "mouthFunnel")
    assert target("ɕ", "mouthStretch") > 0.2


def test_apical_vowels_keep_the_teeth_nearly_shut() -> None:
    for vowel in ("ɿ", "ʅ", "z̩", "ʐ̩", "ɻ̩"):
        assert target(vowel, "jawOpen") < 0.15
        assert target(vowel, "mouthStretch") > 0.2


def test_german_ich_is_spread_and_ach_leaves_the_lips_alone() -> None:
    assert target("ç", "mouthStretch") > 0.25
    assert insists("x", "mouthStretch") < 0.1
    assert target("x", "tongueBodyUp") == 1


def test_spanish_rr_puts_the_tip_up_and_an_english_r_rounds() -> None:
    assert target("r", "tongueTipUp") == 1
    assert target("ɹ", "mouthFunnel") > 0.3
    assert insists("ɾ", "jawOpen") < insists("r", "jawOpen")


def test_a_czech_trill_hisses() -> None:
    assert target("r̝", "jawOpen") < 0.12
    assert target("r̝̊", "mouthFunnel") > 0.4


def test_arabic_emphatics_and_pharyngeals_lower_the_jaw() -> None:
    assert target("sˤ", "jawOpen") > target("s", "jawOpen")
    assert target("tˤ", "mouthFunnel") > 0.1
    assert target("ħ", "jawOpen") > target("x", "jawOpen")


def test_french_nasal_vowels_differ_from_oral_ones() -> None:
    assert target("ɔ̃", "mouthPucker") > target("ɔ", "mouthPucker")
    assert target("ɔ̃", "jawOpen") < target("ɔ", "jawOpen")
    assert target("ɑ̃", "mouthPucker") > target("ɑ", "mouthPucker")
    assert target("ɛ̃", "jawOpen") > target("ɛ", "jawOpen")


def test_secondary_articulations_show_on_the_lips() -> None:
    assert target("kʷ", "mouthPucker") > 0.5
    assert target("tʲ", "mouthStretch") > target("t", "mouthStretch")
    assert target("ɚ", "mouthFunnel") > target("ə", "mouthFunnel") + 0.2


def test_length_and_reduction_change_how_much_a_vowel_insists() -> None:
    assert insists("aː", "jawOpen") > insists("a", "jawOpen") > insists("ə", "jawOpen")


def test_h_and_the_glottal_stop_leave_everything_to_their_neighbours() -> None:
    for glottal in "hɦʔ":
        assert max(one(glottal).dominance) < 0.05


def test_diphthongs_and_affricates_are_two_gestures() -> None:
    assert gestures("aɪ")[0].targets == one("a").targets
    assert gestures("aɪ")[1] == one("ɪ")
    assert gestures("aɪ")[0].weight > gestures("aɪ")[1].weight
    for affricate in ("t͡ʃ", "tʃ", "ʧ"):
        assert [part.targets for part in gestures(affricate)] == [one("t").targets, one("ʃ").targets]
    assert [part.closure for part in gestures("p͡f")] == ["bilabial", "labiodental"]
    assert gestures("p͡f")[0].hold == 1


@pytest.mark.parametrize("symbol", ["", " ", "_", "|", "sil", "SIL", "SP", ".", "ˈ", "˥", "5"])
def test_silence_is_no_gesture(symbol: str) -> None:
    assert gestures(symbol) == ()


@pytest.mark.parametrize(
    ("name", "ipa"), [("AA1", "ɑ"), ("AE", "æ"), ("CH", "t͡ʃ"), ("HH", "h"), ("DH", "ð"), ("ER0", "ɝ"), ("M", "m")]
)
def test_arpabet_is_read(name: str, ipa: str) -> None:
    assert gestures(name) == gestures(ipa)
    assert ipa_of_arpabet(name.lower()) == ipa


def test_an_unknown_arpabet_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        ipa_of_arpabet("QQ")


def test_stress_and_tone_marks_change_nothing() -> None:
    assert gestures("ˈa") == gestures("a") == gestures("a˥˩") == gestures("a5")


def test_composed_and_decomposed_spellings_are_the_same() -> None:
    for symbol in ("ã", "ç", "õ", "ẽ"):
        assert gestures(unicodedata.normalize("NFC", symbol)) == gestures(unicodedata.normalize("NFD", symbol))


@pytest.mark.parametrize(
    ("strange", "like"), [("g", "ɡ"), ("ȵ", "nʲ"), ("ƀ", "b"), ("Ł", "l"), ("ɫ", "lˠ"), ("tS", "tʃ")]
)
def test_letters_that_are_no_ipa_are_taken_for_what_they_look_like(strange: str, like: str) -> None:
    assert gestures(strange) == gestures(like)


def test_nothing_fails_whatever_the_letter() -> None:
    for code in range(0x20, 0x3000):
        gestures(chr(code))
    assert len(gestures("щ")) == 1
    assert gestures("水") == gestures("щ")
