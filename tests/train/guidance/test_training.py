"""Training of the text-image model: losses, batches, resuming, vocabulary."""

from functools import partial

import numpy as np
import pytest
import torch

from clipface_cli.guidance import EmbeddedGuidance, load_guidance
from clipface_cli.guidance.embedded import rows_of
from clipface_cli.guidance.peoples import without_peoples
from clipface_cli.guidance.words import WordTable
from clipface_cli.train.guidance import training
from clipface_cli.train.guidance.batch_sampler import BatchSampler
from clipface_cli.train.guidance.changes import CHANGES
from clipface_cli.train.guidance.families import load_families, standardised
from clipface_cli.train.guidance.requests import vocabulary
from clipface_cli.train.guidance.specification_loader import SpecificationLoader
from clipface_cli.train.guidance.synonyms import SYNONYMS
from clipface_cli.train.guidance.training_renderer import Batch, TrainingRenderer

COLOURS = {
    "red": (1, -1, -1),
    "green": (-1, 1, -1),
    "blue": (-1, -1, 1),
    "black": (-1, -1, -1),
}
PLACES = {"lips": (60, 100), "hair": (20, 60)}


class Toy:
    """White images with a coloured bar at one of two places."""

    def __init__(self, words):
        self.words = words

    def load(self, step):
        rng = np.random.default_rng(step)
        names = [(c, p) for c in COLOURS for p in PLACES]
        images = 1 - 0.05 * torch.rand(1 + len(names), 3, 128, 128)
        for image, (colour, place) in zip(images[1:], names, strict=True):
            top, bottom = (y + int(rng.integers(-6, 6)) for y in PLACES[place])
            image[:, top:bottom, 20:108] = torch.tensor(COLOURS[colour])[:, None, None]
        texts = [f"{colour} {place}" for colour, place in names]
        pairs = torch.tensor([[0, i + 1] for i in range(len(names))])
        requests = [rows_of(self.words, text) for text in texts]
        captions = [rows_of(self.words, "a face"), *requests]
        attributes = torch.cat([torch.zeros(1, len(names)), torch.eye(len(names))])
        return Batch(images, captions, pairs, requests, texts, attributes)


@pytest.fixture(scope="module")
def words():
    return WordTable.load()


def test_learns_coloured_parts(words):
    torch.manual_seed(0)
    model = EmbeddedGuidance(words, [*COLOURS, *PLACES, "a", "photo", "of", "face"], size=32)
    learning = training.GuidanceTraining(
        model,
        len(COLOURS) * len(PLACES),
        Toy(words).load,
        training.GuidanceSettings(steps=40, size=32),
    )
    for _ in range(40):
        metrics = learning.step(0.2)
        learning.state.step += 1
    assert metrics["cosine"] < 0.5
    batch = Toy(words).load(1000)
    with torch.no_grad():
        images = model.encode_image(batch.images)
        texts = model.encode_text(batch.names) - model.encode_text(["A photo of a face"])
    match = torch.cosine_similarity((images[1:] - images[:1])[:, None], texts[None], dim=2)
    assert (match.argmax(1) == torch.arange(len(texts))).float().mean() > 0.8


def test_contrast_prefers_matching_rows():
    rows = torch.eye(4)
    same = torch.eye(4).bool()
    right = training.contrast(rows, rows, torch.tensor(2.0), same)
    wrong = training.contrast(rows, rows.roll(1, 0), torch.tensor(2.0), same)
    assert right < wrong


def test_a_run_writes_a_model_and_resumes(tmp_path, monkeypatch, head):
    monkeypatch.setattr(training, "score", lambda *_, **__: {"caption_top1": 0.5})
    settings = partial(
        training.GuidanceSettings, families=2, families_per_batch=2, every=1, size=32
    )
    training.train_guidance(tmp_path / "a", settings(steps=2), print)
    path = training.train_guidance(tmp_path / "a", settings(steps=3), print, resume=True)
    resumed = load_guidance(path)
    prompt = ["an old man"]
    assert resumed.encode_text(prompt).shape == (1, 32)
    assert torch.isfinite(resumed.encode_text(prompt)).all()
    assert resumed.name == "guidance"
    families = load_families(tmp_path / "a" / "families.safetensors", 2, 1)
    sampler = BatchSampler(head, families, WordTable.load())
    specification = sampler.sample(np.random.default_rng(0), 2)
    batch = TrainingRenderer(head, families).render_batch(specification)
    assert batch.images.shape == (8, 3, 128, 128)
    assert batch.images.abs().max() <= 1
    assert len(batch.captions) == len(batch.attributes) == 8
    first = standardised(families[specification.family[0]].people[0])
    assert np.allclose(batch.attributes[0], [*first, *specification.expression[0, 0]])
    assert len(batch.requests) == len(batch.names) == len(batch.pairs) == 6


def test_workers_sample_what_one_process_samples(tmp_path):
    path = tmp_path / "families.safetensors"
    load_families(path, 2, 1, workers=2)
    one = SpecificationLoader(path, 2, 0, per_batch=2).load(3)
    loader = SpecificationLoader(path, 2, 0, per_batch=2, workers=2)
    shared = loader.load(3)
    loader.close()
    assert np.allclose(one.expression, shared.expression, atol=1e-5)  # workers have one thread
    assert np.array_equal(one.row, shared.row)
    assert one.captions == shared.captions
    assert one.requests == shared.requests
    assert np.array_equal(one.family, shared.family)
    assert np.array_equal(one.blend, shared.blend)
    assert one.seed == shared.seed


def test_a_specification_serves_several_steps_with_other_heads(tmp_path):
    path = tmp_path / "families.safetensors"
    loader = SpecificationLoader(path, 2, 0, per_batch=2, repeats=2)
    first, again, following = (loader.load(step) for step in range(3))
    assert first.captions == again.captions != following.captions
    assert first.seed != again.seed
    assert again.seed == SpecificationLoader(path, 2, 0, per_batch=2, repeats=2).load(1).seed


def test_vocabulary_is_in_the_word_table(words):
    concepts = vocabulary(words)
    assert {"zombie", "mona lisa", "laughing", "lips", "red"} <= set(concepts)
    lost = {
        token.text
        for change in CHANGES
        for phrase in change.phrases
        for token in words.tokenize(phrase)
        if token.index is None
    }
    assert not lost


def test_synonyms_are_unseen(words):
    seen = set(vocabulary(words))
    names = {change.name for change in CHANGES}
    assert len(SYNONYMS) >= 60
    for phrase, wanted in SYNONYMS.items():
        assert {token.text for token in words.tokenize(phrase)} - seen, phrase
        assert names.issuperset(wanted), phrase


UNWANTED = "crazy demented drunk geriatric idiot insane lunatic psycho retarded senile stoned"


def test_no_word_for_a_people_an_illness_or_a_drug_stands_for_a_trait():
    phrases = [phrase for change in CHANGES for phrase in change.phrases] + list(SYNONYMS)
    for phrase in phrases:
        assert set(UNWANTED.split()).isdisjoint(phrase.split()), phrase
        assert without_peoples(phrase)[1] == (), phrase
        assert phrase not in ("black person", "white person")
