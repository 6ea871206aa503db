"""Find the 468 landmarks on the embedded head (assets/files/landmarks.safetensors).

    python tools/build_landmarks.py [PEOPLE]

Paints people, renders each from several sides, and runs the landmark network on the pictures.
The same inputs give the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from clipface_cli.artifacts import write_tensors
from clipface_cli.assets import builtin
from clipface_cli.head import HeadModel
from clipface_cli.photos.embedding import Sighting, embed_landmarks
from clipface_cli.portrait import PIVOT, portraits, project, rotation
from clipface_cli.synth import Canvas, paint, person_from_latent, sample_attributes

OUTPUT = Path(__file__).parents[1] / "src/clipface_cli/assets/files/landmarks.safetensors"
PEOPLE = 24
VIEWS = ((-0.6, 0.0), (-0.3, -0.15), (0.0, 0.0), (0.0, 0.2), (0.3, -0.15), (0.6, 0.0))
PIXELS = 512
OPEN = 0.3  # jaw of every second person


def main(people: int) -> None:
    """Write the asset."""
    head = HeadModel.load(builtin("head.safetensors"))  # without the landmarks
    corners, weights = embed_landmarks(head, sightings(head, people))
    tensors = {"mediapipe_vertices": corners.int(), "mediapipe_weights": weights}
    header = {
        "format": "clipface-landmarks",
        "version": "1",
        "head": head.head_id,
        "provenance": "MediaPipe face mesh (Apache-2.0) on portraits of painted people",
    }
    write_tensors(OUTPUT, tensors, header)
    print(OUTPUT)


def sightings(head: HeadModel, people: int) -> Iterator[Sighting]:
    """Portraits of people without fantasy looks or beards."""
    canvas = Canvas(head, PIXELS)
    generator = torch.Generator().manual_seed(0)
    persons = [person_from_latent(latent) for latent in sample_attributes(20 * people, seed=5)[0]]
    plain = [person for person in persons if person.look == "none" and person.beard == 0]
    for index, person in enumerate(plain[:people]):
        shape = 0.8 * torch.randn(1, head.shape_size, generator=generator)
        units = {"jawOpen": OPEN} if index % 2 else {}
        expression = head.expression_from_units(units)[None]
        vertices = head(shape, expression, torch.zeros(1, 6))[0]
        pictures = portraits(head, vertices, paint(person, canvas), VIEWS, PIXELS)
        for (yaw, pitch), picture in zip(VIEWS, pictures, strict=True):
            turned = (vertices.numpy() - PIVOT) @ rotation(yaw, pitch).T
            yield Sighting(picture, project(turned, PIXELS), bool(index % 2))
        print(f"{index + 1}/{people}", file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else PEOPLE)
