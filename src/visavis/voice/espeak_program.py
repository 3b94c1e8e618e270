"""A program of its own that speaks one text with libespeak-ng and tells when it says which sound.

``python espeak_program.py VOICE AMPLITUDE WORDS_PER_MINUTE``, the text on stdin in UTF-8. On stdout: a line of JSON,
``{"sample_rate_hz": 22050, "phonemes": [[seconds, ipa], ...]}``, then the samples as little-endian int16. It ends with
2 where the library is missing, 3 where the voice is. The ``espeak-ng`` program tells no times; the library is loaded
here and not by the voices' process, which its licence and its crashes then do not concern. Only the standard library
is imported: it starts in 30 ms.
"""

import ctypes
import ctypes.util
import json
import sys

NO_LIBRARY = 2
NO_VOICE = 3

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _IPA, _DO_NOT_EXIT = 0x0001, 0x0002, 0x8000
_UTF8, _END_PAUSE = 0x0001, 0x1000
_RATE, _VOLUME = 1, 2
_PHONEME_EVENT, _LAST_EVENT = 7, 0
_OK = 0


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of ``speak_lib.h``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    )


class _Voice(ctypes.Structure):
    """``espeak_VOICE``, filled in to ask for a language."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("padding", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Receive = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def main() -> int:
    """Speak what is on stdin."""
    voice, amplitude, words_per_minute = sys.argv[1].encode(), int(sys.argv[2]), int(sys.argv[3])
    library = _library()
    if library is None:
        return NO_LIBRARY
    sample_rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS | _IPA | _DO_NOT_EXIT)
    if sample_rate_hz <= 0:
        return NO_LIBRARY
    sound: list[bytes] = []
    phonemes: list[tuple[float, str]] = []

    def receive(samples: object, count: int, events: object) -> int:
        if samples and count > 0:
            sound.append(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
        index = 0
        while (event := events[index]).type != _LAST_EVENT:  # type: ignore[index]
            if event.type == _PHONEME_EVENT:
                # Longer names are cut off, perhaps within a character.
                phonemes.append((event.audio_position / 1000, event.id.string.decode("utf-8", "ignore")))
            index += 1
        return 0

    callback = _Receive(receive)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice) != _OK:
        wanted = _Voice(languages=voice)
        if library.espeak_SetVoiceByProperties(ctypes.byref(wanted)) != _OK:
            return NO_VOICE
    library.espeak_SetParameter(_VOLUME, amplitude, 0)
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    text = sys.stdin.buffer.read() + b"\0"
    library.espeak_Synth(text, len(text), 0, 1, 0, _UTF8 | _END_PAUSE, None, None)
    library.espeak_Synchronize()
    header = json.dumps({"sample_rate_hz": sample_rate_hz, "phonemes": phonemes})
    sys.stdout.buffer.write(header.encode() + b"\n" + b"".join(sound))
    sys.stdout.buffer.flush()
    return 0


def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        # Not Linux, or not where it usually is; to look for it starts programs and takes its time.
        name = ctypes.util.find_library("espeak-ng")
        return ctypes.CDLL(name) if name else None


if __name__ == "__main__":
    raise SystemExit(main())
