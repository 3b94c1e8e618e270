"""``visavis render``: an avatar speaks a sound file, into a video file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from visavis.errors import VisavisError

if TYPE_CHECKING:
    from rich.progress import Progress

    from visavis.avatar import Avatar
    from visavis.media import Samples
    from visavis.performer import Performer, Tick

AUDIO_RATE_HZ: Final = 48_000
TAIL_S: Final = 0.4
"""After the sound, for the lips to close."""
MIN_SIZE_PX, MAX_SIZE_PX = 128, 1920
_QUEUE_S: Final = 2.0


def render(
    face: Annotated[Path, typer.Argument(help="An avatar file, or a portrait: a photo or a clip.")],
    sound: Annotated[Path, typer.Argument(help="What it says: WAV, MP3, OGG, FLAC, M4A ...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="An .mp4, .webm, .mov, .gif or .webp file.")] = Path(
        "talk.mp4"
    ),
    fps: Annotated[int, typer.Option(min=5, max=60, help="Frames per second.")] = 25,
    size: Annotated[str, typer.Option(help="Pixels: 512 for a square, or WIDTHxHEIGHT.")] = "512",
    background: Annotated[
        str, typer.Option(help="keep, blur, a colour such as #00ff00, a picture file, or transparent.")
    ] = "keep",
    look_ahead: Annotated[int, typer.Option(help="Milliseconds the mouth hears ahead: 0, 40, 80 or 120.")] = 120,
    seed: Annotated[int, typer.Option(help="Another number, other blinks and glances.")] = 0,
) -> None:
    """Make a video of an avatar that speaks a sound file."""
    from visavis.background import background_option
    from visavis.cli.create import open_progress
    from visavis.media import audio_blocks
    from visavis.performer import Performer
    from visavis.video import open_video

    width_px, height_px = parse_size(size)
    behind = background_option(background)
    blocks = audio_blocks(sound, AUDIO_RATE_HZ, AUDIO_RATE_HZ // 4)
    first_block = next(blocks)  # a sound that cannot be read is told before anything else is done
    with (
        open_video(
            output,
            width_px=width_px,
            height_px=height_px,
            fps=fps,
            audio_rate_hz=AUDIO_RATE_HZ,
            has_alpha=behind.is_transparent,
        ) as video,
        open_progress() as progress,
    ):
        performer = Performer(
            _avatar(face, progress),
            fps=fps,
            width_px=width_px,
            height_px=height_px,
            background=behind,
            queued_look_ahead_ms=look_ahead,
            audio_rate_hz=AUDIO_RATE_HZ,
            seed=seed,
        )
        task = progress.add_task("rendering", total=duration_s(sound))
        frames = 0
        for tick in _performance(performer, chain((first_block,), blocks)):
            video.write(tick.frame, tick.audio)
            frames += 1
            progress.update(task, completed=frames / fps)
        progress.update(task, total=frames / fps, completed=frames / fps)
    print(f"{output} ({frames} frames, {output.stat().st_size / 1e6:.1f} MB)")


def parse_size(size: str) -> tuple[int, int]:
    """Width and height in pixels of ``512`` or ``640x480``.

    Raises:
        VisavisError: ``size_unknown``.
    """
    width, times, height = size.lower().partition("x")
    try:
        width_px, height_px = int(width), int(height if times else width)
    except ValueError:
        width_px = height_px = 0
    if not all(MIN_SIZE_PX <= side <= MAX_SIZE_PX and side % 2 == 0 for side in (width_px, height_px)):
        raise VisavisError(
            "size_unknown",
            f"{size!r} is no size.",
            f"Give even numbers of pixels from {MIN_SIZE_PX} to {MAX_SIZE_PX}: 512, or 640x480.",
        )
    return width_px, height_px


def _avatar(face: Path, progress: Progress) -> Avatar:
    from visavis.avatar import Avatar
    from visavis.cli.create import build_with_progress

    if face.suffix.lower() == ".avatar":
        return Avatar.load(face)
    return build_with_progress(face, progress)


def _performance(performer: Performer, blocks: Iterator[Samples]) -> Iterator[Tick]:
    """The ticks of the whole sound, and of a moment after it."""
    for block in blocks:
        performer.push_audio(block, AUDIO_RATE_HZ)
        while performer.queued_s > _QUEUE_S:
            yield performer.next_tick()
    performer.end_segment()
    ended = False
    while not ended:
        tick = performer.next_tick()
        ended = tick.segment_ended
        yield tick
    for _ in range(round(TAIL_S * performer.fps)):
        yield performer.next_tick()


def duration_s(sound: Path) -> float | None:
    """How long the file says it is, if it does."""
    import av

    with av.open(sound) as container:
        return container.duration / av.time_base if container.duration else None
