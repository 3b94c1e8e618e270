"""The parts of a stream: its messages, its queue of utterances, its memory of what was played, its pictures."""

import struct

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.acting import Emotion, Gesture
from visavis.avatar import Avatar
from visavis.errors import VisavisError
from visavis.face import INDEX
from visavis.performer import Performer, Phone
from visavis.stream import PictureConfig
from visavis.stream import backlog as backlog_module
from visavis.stream.backlog import Backlog
from visavis.stream.intake import MAX_QUEUED_BYTES, MAX_SEGMENTS, Intake
from visavis.stream.pictures import open_encoder
from visavis.stream.playout import Playout
from visavis.stream.wire import HEADER_BYTES, Flag, Header, Kind, pack, unpack_sound

RATE_HZ = 24_000


def test_a_header_is_what_the_documentation_says() -> None:
    message = pack(Header(Kind.PICTURE, Flag.KEY | Flag.END, 3, 7, 1920, 96_000), b"jpeg")
    assert message == struct.pack("<BBHIIIQ", 2, 1 | 4, 0, 3, 7, 1920, 96_000) + b"jpeg"
    assert HEADER_BYTES == 24


def test_sound_comes_out_of_a_message_as_it_went_in() -> None:
    header, payload = unpack_sound(pack(Header(Kind.SOUND, Flag.END, 2, 5), b"\x01\x02\x03\x04"), channels=2)
    assert (header.flags, header.generation, header.segment, bytes(payload)) == (Flag.END, 2, 5, b"\x01\x02\x03\x04")


@pytest.mark.parametrize(
    ("message", "channels", "code"),
    [
        (b"", 1, "message_malformed"),
        (b"\x01" * 23, 1, "message_malformed"),
        (pack(Header(Kind.PICTURE, Flag(0), 0, 0), b""), 1, "message_kind"),
        (b"\x09" + bytes(23), 1, "message_kind"),
        (b"\x01\x80" + bytes(22), 1, "message_malformed"),
        (b"\x01\x00\x01\x00" + bytes(20), 1, "message_malformed"),
        (pack(Header(Kind.SOUND, Flag(0), 0, 0), b"\x01"), 1, "pcm_odd"),
        (pack(Header(Kind.SOUND, Flag(0), 0, 0), b"\x01\x02"), 2, "pcm_odd"),
    ],
)
def test_what_is_no_sound_is_refused(message: bytes, channels: int, code: str) -> None:
    with pytest.raises(VisavisError) as caught:
        unpack_sound(message, channels=channels)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.fixture
def performer(ada_avatar: Avatar) -> Performer:
    return Performer(ada_avatar, width_px=128, height_px=128, audio_rate_hz=RATE_HZ)


def tone(seconds: float, amplitude: int) -> bytes:
    return (np.sin(np.arange(round(seconds * RATE_HZ)) * 0.08) * amplitude).astype(np.int16).tobytes()


def play(intake: Intake, performer: Performer) -> tuple[NDArray[np.int16], list[tuple[int, float]]]:
    """Everything that is queued: its sound, and each segment's number and length."""
    sound, ended = [], []
    while intake.unanswered:
        intake.feed()
        tick = performer.next_tick(render=False)
        sound.append(tick.audio.copy())
        if tick.segment_ended:
            assert tick.segment_id is not None
            segment = intake.of_performer(tick.segment_id)
            intake.answered(segment)
            ended.append((segment.number, tick.segment_position_s))
    return np.concatenate(sound), ended


def test_acts_keep_their_place_among_the_sound_of_a_segment(performer: Performer) -> None:
    intake = Intake(performer)
    segment = intake.open(0, RATE_HZ, 1)
    intake.cue(segment, Emotion("happy"))
    intake.push(segment, tone(1.3, 3000))
    intake.cue(segment, Gesture("raise_brows"))
    intake.push(segment, tone(0.5, 3000))
    intake.close_open()
    feelings, brows = [], []
    while intake.unanswered:
        intake.feed()
        tick = performer.next_tick(render=False)
        feelings.append(performer.emotion.name)
        brows.append(float(performer.face[INDEX["browOuterUpLeft"]]))
        if tick.segment_ended:
            intake.answered(segment)
    assert set(feelings[1:-1]) == {"happy"}
    assert performer.emotion.name == "neutral"
    raised_s = np.flatnonzero(np.array(brows) > 0.6)[0] / performer.fps
    assert 1.3 < raised_s < 1.7


def test_segments_are_played_one_after_another_whatever_the_pieces(performer: Performer) -> None:
    intake = Intake(performer)
    said = [tone(0.9, 8000), tone(0.5, 4000), tone(1.3, 2000)]
    for pcm in said:
        for start in range(0, len(pcm), 1234):
            intake.push(intake.open(0, RATE_HZ, 1), pcm[start : start + 1234])
        intake.close_open()
    sound, ended = play(intake, performer)
    assert ended == [(1, pytest.approx(0.9)), (2, pytest.approx(0.5)), (3, pytest.approx(1.3))]
    assert np.abs(sound).sum() == pytest.approx(np.abs(np.frombuffer(b"".join(said), np.int16)).sum(), rel=1e-6)
    assert intake.queued_s == 0


def test_a_text_keeps_its_place_before_what_is_queued_later(performer: Performer) -> None:
    intake = Intake(performer)
    text = intake.begin(0, RATE_HZ, 1)
    intake.push(intake.open(0, RATE_HZ, 1), tone(0.2, 8000))
    intake.close_open()
    intake.feed()
    assert performer.queued_s == 0, "the later segment waits"
    intake.push(text, tone(0.4, 8000))
    text.complete = True
    assert play(intake, performer)[1] == [(1, pytest.approx(0.4)), (2, pytest.approx(0.2))]


def test_a_text_brings_its_phones_to_the_mouth(performer: Performer) -> None:
    intake = Intake(performer)
    text = intake.begin(0, RATE_HZ, 1)
    for _ in range(2):  # two sentences
        intake.push(text, tone(1.0, 4000), [Phone("a", 0.3, 0.5), Phone("m", 0.5, 0.7), Phone("a", 0.7, 0.9)])
    text.complete = True
    closed = []
    while intake.unanswered:
        intake.feed()
        tick = performer.next_tick(render=False)
        closed.append(performer.face[INDEX["mouthClose"]] > 0.95)
        if tick.segment_ended:
            intake.answered(text)
    begun_s = (np.flatnonzero(np.diff(np.array(closed, int)) == 1) + 1.5) / performer.fps
    assert begun_s == pytest.approx([0.5, 1.5], abs=0.03)


def test_another_number_ends_the_open_segment(performer: Performer) -> None:
    intake = Intake(performer)
    first = intake.open(4, RATE_HZ, 1)
    assert intake.open(4, RATE_HZ, 1) is first and intake.open(0, RATE_HZ, 1) is first
    second = intake.open(9, RATE_HZ, 1)
    assert first.complete and not second.complete
    with pytest.raises(VisavisError) as caught:
        intake.open(4, RATE_HZ, 1)
    assert caught.value.code == "segment_closed"


def test_empty_segments_are_answered_too(performer: Performer) -> None:
    intake = Intake(performer)
    for number in (1, 2):
        intake.open(number, RATE_HZ, 1)
        intake.close_open()
    assert play(intake, performer)[1] == [(1, 0.0), (2, 0.0)]


def test_an_interruption_drops_everything_and_names_what_it_dropped(performer: Performer) -> None:
    intake = Intake(performer)
    for _ in range(3):
        intake.push(intake.open(0, RATE_HZ, 1), tone(1, 8000))
        intake.close_open()
    intake.feed()
    performer.next_tick(render=False)
    performer.interrupt()
    assert [segment.number for segment in intake.clear()] == [1, 2, 3]
    assert (intake.unanswered, intake.queued_s) == ([], 0)
    intake.push(intake.open(0, RATE_HZ, 1), tone(0.3, 8000))
    intake.close_open()
    assert play(intake, performer)[1] == [(4, pytest.approx(0.3))]


def test_the_queue_is_bounded_in_bytes_and_in_segments(performer: Performer) -> None:
    intake = Intake(performer)
    segment = intake.open(0, RATE_HZ, 1)
    piece = bytes(MAX_QUEUED_BYTES // 16)
    for _ in range(16):
        intake.push(segment, piece)
    with pytest.raises(VisavisError) as caught:
        intake.push(segment, b"\0\0")
    assert caught.value.code == "queue_full"
    intake.clear()
    for _ in range(MAX_SEGMENTS):
        intake.begin(0, RATE_HZ, 1)
    with pytest.raises(VisavisError) as caught:
        intake.begin(0, RATE_HZ, 1)
    assert caught.value.code == "queue_full"


def test_positions_follow_the_clock_of_whoever_plays() -> None:
    playout = Playout(48_000, 25)
    for tick in range(10):
        playout.note_tick(tick * 1920, 1920)
        if tick >= 3:
            playout.note_sound(7, (tick - 2) * 1920, 1920)
    assert playout.position_s(7, 3 * 1920 - 1) == 0, "not begun"
    assert playout.position_s(7, 3 * 1920 + 480) == pytest.approx(0.010)
    assert playout.position_s(7, 8 * 1920 + 960) == pytest.approx(0.220)
    assert playout.position_s(7, 10**9) == pytest.approx(0.280), "never more than was sent"
    assert playout.position_s(8, 10**9) == 0
    assert 9 * 1920 <= playout.now_pts <= 10 * 1920


def test_the_backlog_of_a_client_that_says_nothing_is_unknown() -> None:
    backlog = Backlog()
    for tick in range(100):
        backlog.note_sent(tick * 1920, 50_000)
    assert (backlog.is_full, backlog.behind_samples(99 * 1920)) == (False, None)


def test_as_much_is_on_the_way_as_a_client_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(backlog_module.time, "monotonic", lambda: now_s)
    backlog = Backlog()
    backlog.note_received(0)
    line_bytes_s, behind_s = 350_000, []
    sent: list[tuple[int, int]] = []
    arrived_bytes = 0.0
    for tick in range(500):
        now_s = tick * 0.04
        pts = tick * 1920
        size = 3_864 if backlog.is_full else 58_000
        backlog.note_sent(pts, size)
        sent.append((pts, size))
        arrived_bytes += line_bytes_s * 0.04
        while sent and sent[0][1] <= arrived_bytes:
            received, size = sent.pop(0)
            arrived_bytes -= size
            backlog.note_received(received)
        behind = backlog.behind_samples(pts)
        assert behind is not None
        behind_s.append(behind / 48_000)
        if not sent:
            arrived_bytes = 0.0
    assert max(behind_s) < 0.8
    assert np.mean(behind_s) < 0.5


def test_a_wide_line_is_used_in_full() -> None:
    backlog = Backlog()
    backlog.note_received(0)
    for tick in range(200):
        backlog.note_sent(tick * 1920, 58_000)
        backlog.note_received(tick * 1920)
        assert not backlog.is_full


def frames(count: int) -> list[NDArray[np.uint8]]:
    """A bright square on its way across a grey ground, I420."""
    made = []
    for index in range(count):
        image = np.full((128, 128, 3), 90, np.uint8)
        image[40:80, 4 * index : 4 * index + 40] = (40, 80, 240)
        made.append(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8))
    return made


@pytest.mark.parametrize("quality", [30, 90])
def test_a_jpeg_shows_the_frame(quality: int) -> None:
    (frame,) = frames(1)
    picture = open_encoder(PictureConfig("jpeg", 128, 128, quality=quality), 48_000).encode(frame, 0)
    assert picture is not None and picture.is_key
    shown = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)).mean() < 3


@pytest.mark.parametrize(("name", "decoder"), [("h264", "h264"), ("vp8", "vp8")])
def test_encoded_video_decodes_frame_by_frame_with_key_frames_on_request(name: str, decoder: str) -> None:
    encoder = open_encoder(PictureConfig(name, 128, 128, bitrate_bps=400_000), 48_000)  # type: ignore[arg-type]
    made = frames(20)
    pictures = []
    for index, frame in enumerate(made):
        if index == 12:
            encoder.request_key()
        pictures.append(encoder.encode(frame, index * 1920))
    assert [index for index, picture in enumerate(pictures) if picture and picture.is_key] == [0, 12]
    # A client that comes in at a key frame decodes from there.
    context = av.CodecContext.create(decoder, "r")
    shown = []
    for picture in pictures[12:]:
        assert picture is not None
        shown += [item.to_ndarray(format="yuv420p") for item in context.decode(av.Packet(picture.data))]
    shown += [item.to_ndarray(format="yuv420p") for item in context.decode(None)]
    assert len(shown) == 8
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(shown, made[12:], strict=True)) < 4
