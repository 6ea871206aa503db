"""Write the embedded corpus: painted UV skins, and renders of them as a dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from safetensors.numpy import load_file, save_file

from clipface_cli.artifacts import load_image
from clipface_cli.artifacts.dataset import (
    PARAMETERS,
    image_name,
    json_lines,
    read_note,
    write_tables,
)
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.synth.captions import captions
from clipface_cli.synth.expressions import draw_expression, random_units
from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.paint import paint
from clipface_cli.synth.people.attributes import person_from_latent, sample_attributes
from clipface_cli.synth.people.person import Person
from clipface_cli.synth.processes import spread

RESOLUTION = 512
_SHAPE_SPREAD = 0.8  # standard deviations of head shapes
_EXPRESSION_NOISE = 0.15  # standard deviations added to a named expression
_SCALE = (5.7, 7.2)  # of the camera
_SHIFT, _RAISE = 0.012, 0.03  # largest shift of the camera either way, and up, metres
_YAW, _PITCH = 0.45, 0.18  # largest turns in radians, twice their standard deviations


def write_corpus(out: str | Path, people: int, seed: int = 0, workers: int = 1) -> Path:
    """Paint `people` persons into out/uv/000000.png …; what is there already is kept.

    Also writes people.safetensors (latent, attributes) and people.jsonl (the persons' fields).
    Growing a corpus with the same seed adds people behind the old ones. Returns `out`.
    """
    folder = Path(out)
    (folder / "uv").mkdir(parents=True, exist_ok=True)
    _check_seed(folder, seed)
    latents, attributes = sample_attributes(people, seed)
    persons = [person_from_latent(latent) for latent in latents]
    todo = [i for i in range(people) if not _uv_path(folder, i).exists()]
    jobs = [(_uv_path(folder, i), persons[i]) for i in todo]
    list(spread(_paint_job, jobs, workers))
    lines = (json.dumps(person.to_dict()) for person in persons)
    _write_text(folder / "people.jsonl", "\n".join(lines) + "\n")
    tables = {"latent": latents, "attributes": attributes}
    _replace(
        folder / "people.safetensors", lambda path: save_file(tables, path, {"seed": str(seed)})
    )
    return folder


def _check_seed(folder: Path, seed: int) -> None:
    note = folder / "corpus.json"
    if note.exists() and json.loads(note.read_text())["seed"] != seed:
        raise InputError(f"{folder} holds a corpus of another seed; choose another folder.")
    _write_text(note, json.dumps({"format": "clipface-corpus", "version": 1, "seed": seed}))


def _uv_path(folder: Path, index: int) -> Path:
    return folder / "uv" / f"{index:06d}.png"


@cache
def _canvas() -> Canvas:
    """The worker's canvas of the embedded head."""
    return Canvas(HeadModel.load("builtin"), RESOLUTION)


def _paint_job(job: tuple[Path, Person]) -> None:
    path, person = job
    image = Image.fromarray(paint(person, _canvas()))
    _replace(path, lambda at: image.save(at, format="PNG"))


def _replace(path: Path, write: Any) -> None:
    """Write under a temporary name, then rename."""
    part = path.with_name(path.name + ".part")
    write(part)
    part.replace(path)


def _write_text(path: Path, text: str) -> None:
    _replace(path, lambda at: at.write_text(text))


def read_people(corpus: str | Path) -> list[Person]:
    """The persons of a corpus, in the order of its textures."""
    path = Path(corpus) / "people.jsonl"
    if not path.is_file():
        raise InputError(f"{corpus} is not a corpus: it has no people.jsonl; write one first.")
    return [Person.from_dict(json.loads(line)) for line in path.read_text().splitlines()]


def write_dataset(
    corpus: str | Path,
    out: str | Path,
    renders: int,
    resolution: int = 256,
    seed: int = 0,
    workers: int = 1,
) -> Path:
    """Render a corpus's people on random heads as an on-disk dataset of `renders` images.

    Unlit, white background, mouth interior removed. Writes images/, params.safetensors (shape,
    expression, pose, camera, person; row i belongs to image i), manifest.jsonl, captions.jsonl
    (image, person, expression, captions) and dataset.json. Finished images are kept on a second
    run; `workers` processes share the work. Returns `out`.
    """
    folder, people = Path(out), read_people(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    head = HeadModel.load("builtin")
    _claim_dataset(folder, {"people": len(people), "resolution": resolution, "seed": seed})
    rows = [_draw(head, people, i, seed) for i in range(renders)]
    jobs = [(folder / image_name(i), row) for i, row in enumerate(rows)]
    jobs = [(path, row) for path, row in jobs if not path.exists()]
    render = partial(_render_job, corpus=Path(corpus), resolution=resolution)
    list(spread(render, jobs, workers))
    _write_tables(folder, people, rows, head.head_id, resolution, seed)
    return folder


def _claim_dataset(folder: Path, settings: dict[str, int]) -> None:
    """Images of other settings must not mix with these."""
    there = read_note(folder) or settings
    for name, value in settings.items():
        if there.get(name) != value:
            raise InputError(
                f"{folder} holds a dataset with {name} {there.get(name)}, not {value}; "
                "choose another folder."
            )


def _draw(head: HeadModel, people: Sequence[Person], index: int, seed: int) -> dict[str, Any]:
    """Person, head and camera of image `index`; depends on nothing but the arguments."""
    generator = np.random.default_rng((seed, index))
    who = index % len(people) if index < len(people) else int(generator.integers(len(people)))
    person = people[who]
    expression = draw_expression(generator, person.smile_lines, person.frown_lines)
    psi = head.expression_from_units(random_units(expression, generator)).numpy()
    psi = psi + _EXPRESSION_NOISE * generator.standard_normal(len(psi))
    pose = np.zeros(6)
    pose[0] = np.clip(generator.normal(0, _PITCH / 2), -_PITCH, _PITCH)
    pose[1] = np.clip(generator.normal(0, _YAW / 2), -_YAW, _YAW)
    scale = generator.uniform(*_SCALE)
    shift = [generator.uniform(-_SHIFT, _SHIFT) for _ in range(2)]
    camera = [scale, shift[0], _RAISE + shift[1]]
    return {
        "person": who,
        "expression_name": expression,
        "shape": (_SHAPE_SPREAD * generator.standard_normal(head.shape_size)).astype(np.float32),
        "expression": psi.astype(np.float32),
        "pose": pose.astype(np.float32),
        "camera": np.array(camera, np.float32),
        "captions": captions(person, expression, generator),
    }


@cache
def _renderer(resolution: int) -> tuple[HeadModel, Renderer]:
    """The worker's head and renderer."""
    head = HeadModel.load("builtin")
    return head, Renderer(head, resolution, exclude=head.inside_mouth)


def _render_job(job: tuple[Path, dict[str, Any]], corpus: Path, resolution: int) -> None:
    path, row = job
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(_render(*_renderer(resolution), corpus, row))
    _replace(path, lambda at: image.save(at, format="PNG"))


def _render(
    head: HeadModel, renderer: Renderer, corpus: Path, row: dict[str, Any]
) -> NDArray[np.uint8]:
    values = {name: torch.from_numpy(row[name])[None] for name in PARAMETERS}
    vertices = head(values["shape"], values["expression"], values["pose"])
    texture = load_texture(_uv_path(corpus, row["person"]))[None]
    image, _ = renderer(vertices, texture, Camera(values["camera"]))
    pixels = (image[0].permute(1, 2, 0) * 127.5 + 127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).numpy()


def load_texture(path: Path) -> torch.Tensor:
    """A PNG as (3, R, R) in [-1, 1]."""
    return load_image(path)[0]


def _write_tables(
    folder: Path,
    people: Sequence[Person],
    rows: Sequence[dict[str, Any]],
    head_id: str,
    resolution: int,
    seed: int,
) -> None:
    tables = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in PARAMETERS}
    tables["person"] = torch.tensor([row["person"] for row in rows])
    files = [image_name(i) for i in range(len(rows))]
    caption_lines = (
        {
            "image": file,
            "person": row["person"],
            "expression": row["expression_name"],
            "look": people[row["person"]].look,
            "captions": row["captions"],
        }
        for file, row in zip(files, rows, strict=True)
    )
    _write_text(folder / "captions.jsonl", json_lines(caption_lines))
    manifest = (
        {
            "source": f"person {row['person']}",
            "status": "kept",
            "faces": [{"status": "kept", "image": file}],
        }
        for file, row in zip(files, rows, strict=True)
    )
    note = {
        "head": head_id,
        "encoder": "corpus",
        "parser": "corpus",
        "resolution": resolution,
        "seed": seed,
        "people": len(people),
    }
    write_tables(folder, tables, manifest, note)


def contact_sheet(
    images: Sequence[NDArray[np.uint8]], labels: Sequence[str], path: str | Path, columns: int = 6
) -> Path:
    """Save equally large pictures (H, W, 3) in a grid, each with its label below it.

    columns: pictures in a row. Returns the path.
    """
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width, rows * (height + 18)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        x, y = i % columns * width, i // columns * (height + 18)
        sheet.paste(Image.fromarray(image), (x, y))
        draw.text((x + 4, y + height + 3), label[: width // 6], fill="black")
    target = Path(path)
    sheet.save(target)
    return target


def read_attributes(corpus: str | Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Latents (N, LATENT_SIZE) and attributes (N, ATTRIBUTE_SIZE) of a corpus of N people."""
    tables = load_file(Path(corpus) / "people.safetensors")
    return tables["latent"], tables["attributes"]
