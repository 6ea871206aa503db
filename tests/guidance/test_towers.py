import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.guidance import EmbeddedGuidance, Guidance
from clipface_cli.guidance.words import WordTable

CONCEPTS = ["zombie", "old", "red", "lips", "laughing", "a", "photo", "of", "face", "woman"]


@pytest.fixture(scope="module")
def guidance():
    torch.manual_seed(0)
    model = EmbeddedGuidance(WordTable.load(), CONCEPTS, size=64)
    model.text.memory.values.data *= 2
    return model.eval()


def test_is_a_guidance(guidance):
    assert isinstance(guidance, Guidance)


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (200, 131), (512, 512)])
def test_images_of_any_size(guidance, size):
    images = torch.rand(2, 3, *size, requires_grad=True)
    embedded = guidance.encode_image(images)
    assert embedded.shape == (2, 64)
    embedded.square().sum().backward()
    assert images.grad is not None
    assert (images.grad != 0).float().mean() > 0.9


def test_image_gradient_is_exact(guidance):
    torch.manual_seed(1)
    tower = guidance.image.double()
    image = torch.rand(1, 3, 128, 128, dtype=torch.float64)
    direction, step = torch.randn_like(image), 1e-5
    image.requires_grad_(True)
    tower(image).sum().backward()
    with torch.no_grad():
        slope = (tower(image + step * direction) - tower(image - step * direction)).sum() / step / 2
    assert torch.isclose((image.grad * direction).sum(), slope, rtol=1e-5)
    guidance.image.float()


def test_text_batch_does_not_depend_on_its_neighbours(guidance):
    alone = guidance.encode_text(["red lips"])
    together = guidance.encode_text(["red lips", "a photo of an old laughing zombie woman"])
    assert torch.allclose(alone[0], together[0], atol=1e-5)


def test_synonyms_land_near_and_strangers_change_little(guidance):
    def similarity(a, b):
        first, second = guidance.encode_text([a, b])
        return torch.cosine_similarity(first, second, dim=0)

    assert similarity("undead face", "zombie face") > 0.95
    assert similarity("old woman carburettor", "old woman") > 0.95
    assert similarity("old woman", "zombie") < 0.9


def test_coverage(guidance):
    coverage = guidance.understood("an aged, GIGGLING zombie and a carburettor qqzzx")
    assert coverage.understood == ("aged", "giggling", "zombie")
    assert coverage.unknown == ("carburettor", "qqzzx")
    assert "'carburettor', 'qqzzx'" in (coverage.warning() or "")
    assert guidance.understood("red lips").warning() is None
    assert guidance.understood("a photo of a face").empty
    assert guidance.understood("corpse").understood == ("corpse",)
    guessed = guidance.understood("demon")
    assert guessed.guessed[0] == ("demon", ("zombie",))
    assert "takes 'demon' for zombie" in (guessed.warning() or "")


@pytest.mark.parametrize("prompt", ["", "?!", "word " * 201])
def test_bad_prompts(guidance, prompt):
    with pytest.raises(InputError):
        guidance.encode_text([prompt])


def test_saves_and_loads(guidance, tmp_path):
    guidance.save(tmp_path / "g.safetensors", {"note": "test"})
    again = EmbeddedGuidance.load(tmp_path / "g.safetensors")
    image = torch.rand(1, 3, 128, 128)
    prompt = ["old woman"]
    assert torch.allclose(again.encode_image(image), guidance.encode_image(image), atol=2e-2)
    assert torch.allclose(again.encode_text(prompt), guidance.encode_text(prompt), atol=2e-2)
    assert not any(weight.requires_grad for weight in again.parameters())


def test_words_missing_from_the_table():
    with pytest.raises(InputError, match="qqzzx"):
        EmbeddedGuidance(WordTable.load(), ["qqzzx"])
