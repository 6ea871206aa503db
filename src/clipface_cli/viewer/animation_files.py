"""The files of an animation: film, textures, GLB, the strongest frame's mesh, the mapper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clipface_cli.artifacts import Pixels, write_video
from clipface_cli.avatar import save_subject
from clipface_cli.edit.mappers import MOTION_FILE
from clipface_cli.viewer.film import (
    FilmScene,
    Frames,
    at_peak,
    film,
    peak,
    write_animation,
)

FILM, GLB, MESH, FRAMES = "animation.mp4", "animation.glb", "edited.obj", "frames"


@dataclass(frozen=True)
class FilmOptions:
    """fps: frames a second; yaw: degrees the head is turned by; resolution: pixels a side of a
    picture; frames: whether to write each frame's texture.
    """

    fps: float
    yaw: float = 0.0
    resolution: int = 384
    frames: bool = True


def write_animation_files(
    folder: Path, scene: FilmScene, name: str, options: FilmOptions, report: Callable[[int], None]
) -> dict[str, object]:
    """Write them and return facts about them; `report` gets the number of frames filmed."""
    made, total = scene.last, len(scene.last.clip)
    kept = Frames(folder / FRAMES if options.frames else None)

    def pictures() -> Iterator[Pixels]:
        drawn = film(scene, options.yaw, options.resolution, kept)
        for done, picture in enumerate(drawn, 1):
            yield picture
            report(done)

    write_video(folder / FILM, pictures(), options.fps)
    count = write_animation(folder / GLB, scene, kept, options.fps)
    if made.dynamic:
        made.mapper.save(folder / MOTION_FILE, prompt=name)
    entry = {"prompt": name, "frame": peak(made), "frames": total}
    strongest = at_peak(made, scene.subject, scene.generator, entry).to("cpu")
    save_subject(folder / MESH, strongest, scene.head)
    return {
        "frames": total,
        "fps": options.fps,
        "textures": count,
        "strongest_frame": peak(made),
        "importance": [round(amount, 3) for amount in made.clip.weight.tolist()],
    }
