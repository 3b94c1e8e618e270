"""``visavis create``: a portrait photo, or a clip, becomes an avatar file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from visavis.avatar import Avatar


def create(
    photo: Annotated[
        Path,
        typer.Argument(
            help="A portrait: one face, from the front, uncovered, well lit; a photo, or a clip of 2 to 20 s."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The avatar file. [default: the photo's name + .avatar]")
    ] = None,
) -> None:
    """Build an avatar from a portrait photo or a short clip."""
    target = output or photo.with_suffix(".avatar")
    with open_progress() as progress:
        avatar = build_with_progress(photo, progress)
        avatar.save(target)
    show_findings(avatar)
    print(f"{target} ({target.stat().st_size / 1e6:.1f} MB)")


def open_progress() -> Progress:
    """A progress display on stderr; silent where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description:<32}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def build_with_progress(photo: Path, progress: Progress) -> Avatar:
    """The photo's avatar; each step is named while it runs.

    Raises:
        PortraitRefused: the photo cannot become an avatar.
    """
    from visavis.errors import PortraitRefused
    from visavis.portrait.build import build_avatar

    if not photo.is_file():
        raise PortraitRefused("photo_not_found", f"There is no photo at {photo}.", "Check the path.")
    task = progress.add_task("loading", total=1.0)
    avatar = build_avatar(
        photo.read_bytes(),
        on_progress=lambda step, share: progress.update(task, description=step, completed=share),
    )
    progress.update(task, description="avatar built", completed=1.0)
    return avatar


def show_findings(avatar: Avatar) -> None:
    """Tell what the photo's owner should know."""
    typer.echo(f"photo quality: {avatar.info.quality:.0f} of 100", err=True)
    for finding in avatar.info.findings:
        typer.echo(f"note: {finding.message}", err=True)
