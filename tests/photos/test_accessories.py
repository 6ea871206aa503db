"""The embedded classifier of hats and glasses on photos and on people it has never seen."""

import numpy as np
import torch

from clipface_cli.head import HeadModel
from clipface_cli.photos import find_faces
from clipface_cli.photos.accessories import Accessories
from clipface_cli.photos.filters import CERTAINTY
from clipface_cli.synth import Canvas, paint, person_from_latent, sample_attributes
from clipface_cli.synth.accessories import draw_accessory

PEOPLE, DRAWN = 3, 40


def test_an_astronaut_and_an_admiral(astronaut: np.ndarray, admiral: np.ndarray) -> None:
    classify = Accessories()
    bare, _ = classify(astronaut, find_faces(astronaut)[0], astronaut)
    assert max(bare.values()) < CERTAINTY
    capped, _ = classify(admiral, find_faces(admiral)[0], admiral)
    assert capped["headwear"] >= CERTAINTY


def test_certain_answers_are_right(head: HeadModel) -> None:
    classify, canvas = Accessories(), Canvas(head, 128)
    skins = [
        torch.from_numpy(paint(person_from_latent(latent), canvas)).permute(2, 0, 1) / 127.5 - 1
        for latent in sample_attributes(PEOPLE, 99)[0]
    ]
    right = wrong = 0
    for seed in range(DRAWN):
        person = draw_accessory(head, skins, np.random.default_rng((99, seed)))
        for name, probability in classify.score(person.image).items():
            worn = getattr(person, name) is not None
            if probability >= CERTAINTY or probability <= 1 - CERTAINTY:
                right, wrong = (
                    right + (worn == (probability > 0.5)),
                    wrong + (worn != (probability > 0.5)),
                )
    assert right > 10 * wrong
    assert right + wrong > DRAWN // 2
