"""CLIP guidance: OpenAI's towers and tokens against recordings, folders, imports, bad input."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from clipface_cli.cli import app, run
from clipface_cli.errors import InputError
from clipface_cli.guidance import load_guidance
from clipface_cli.guidance._pixels import CLIP_MEAN, CLIP_STD, Pixels
from clipface_cli.guidance._tokens import BytePairs

# The recording, with zeros for the embeddings of tokens that no prompt in it uses.
GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "clip_openai.npz"
TOWER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
VISION = {**TOWER, "image_size": 64, "patch_size": 16}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN))


@pytest.fixture(scope="module")
def original(golden: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded weights as a .pt file."""
    path = tmp_path_factory.mktemp("openai") / "ViT-tiny.pt"
    names = [name for name in golden if name.startswith("state/")]
    torch.save({n.removeprefix("state/"): torch.from_numpy(golden[n]) for n in names}, path)
    return path


def check(source: str | Path, golden: dict[str, np.ndarray]) -> None:
    guidance = load_guidance(source)
    prompts = [str(prompt) for prompt in golden["prompts"]]
    assert np.array_equal(guidance.tokenize(prompts).numpy(), golden["tokens"])
    texts = guidance.encode_text(prompts)
    images = guidance.encode_image(torch.from_numpy(golden["image"]))
    for found, name in ((texts, "text_features"), (images, "image_features")):
        expected = torch.from_numpy(golden[name])
        assert torch.cosine_similarity(found, expected).min() > 0.9999
        assert torch.allclose(found, expected, atol=1e-3)


def test_openai_weights(original: Path, golden: dict[str, np.ndarray]) -> None:
    check(original, golden)


def test_openai_weights_imported(
    original: Path,
    golden: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path))
    assert run(app, ["assets", "import", str(original)]) == 0
    (name,) = (path.stem for path in tmp_path.glob("*.safetensors"))
    check(name, golden)


def by_pil(image: torch.Tensor, size: int) -> torch.Tensor:
    """OpenAI's preprocessing of 8-bit (3, H, W): resize, cut out the middle."""
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    scale = size / min(picture.size)
    width, height = (int(scale * side) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size) / 2), round((height - size) / 2)
    picture = picture.crop((left, top, left + size, top + size))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


@pytest.mark.parametrize(("height", "width"), [(96, 96), (40, 40), (133, 90), (64, 64), (65, 201)])
def test_preprocessing_is_pils(height: int, width: int) -> None:
    torch.manual_seed(height)
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
    found = Pixels((64, 64))(image[None].float() / 127.5 - 1)[0]
    shown = found * torch.tensor(CLIP_STD)[:, None, None] + torch.tensor(CLIP_MEAN)[:, None, None]
    assert (255 * shown - by_pil(image, 64).float()).abs().max() < 1.001


def test_preprocessing_has_gradients() -> None:
    image = torch.rand(1, 3, 50, 70, requires_grad=True)
    Pixels((32, 32), crop=False)(image).square().sum().backward()
    assert image.grad is not None
    assert (image.grad != 0).float().mean() > 0.95


def test_a_folder_of_transformers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    text = {**TOWER, "projection_dim": 24, "bos_token_id": 49406, "eos_token_id": 49407}
    config = CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
    CLIPModel(config).save_pretrained(tmp_path)
    guidance = load_guidance(tmp_path)
    assert isinstance(guidance.tokenizer, BytePairs)
    one, two = guidance.encode_text(["a face", "a zombie with red lips"])
    again = guidance.encode_text(["a zombie with red lips"])[0]
    assert one.shape == (24,)
    assert torch.equal(two, again)
    assert not torch.equal(one, two)
    assert guidance.encode_image(torch.rand(2, 3, 80, 80)).shape == (2, 24)
    assert not any(weight.requires_grad for weight in guidance.parameters())


def test_siglip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    text = {**TOWER, "vocab_size": 49408, "projection_size": 32, "max_position_embeddings": 16}
    config = SiglipConfig(text_config=text, vision_config=VISION)
    SiglipModel(config).save_pretrained(tmp_path)
    guidance = load_guidance(tmp_path)
    assert guidance.pixels == Pixels((64, 64), (0.5,) * 3, (0.5,) * 3, crop=False)
    assert guidance.encode_text(["a face"]).shape == (1, 32)
    assert guidance.encode_image(torch.rand(1, 3, 64, 64)).shape == (1, 32)


def test_bad_prompts(original: Path) -> None:
    guidance = load_guidance(original)
    with pytest.raises(InputError, match="no words"):
        guidance.encode_text(["  "])
    with pytest.raises(InputError, match=r"too long: 1000 tokens where this model reads 75"):
        guidance.encode_text(["word " * 1000])


def test_what_is_not_here_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hf download openai/clip-vit-base-patch32"):
        load_guidance("openai/clip-vit-base-patch32")
    with pytest.raises(InputError, match="not a folder of a CLIP"):
        load_guidance(tmp_path)
    (tmp_path / "ViT-B-32.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="refused"):
        load_guidance(tmp_path / "ViT-B-32.pt")
