"""Published files, written from recorded goldens, imported through the command line."""

import json
import pickle
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from clipface_cli.artifacts import read_sidecar
from clipface_cli.assets import Refused, import_asset, imported, read_asset
from clipface_cli.cli import app, run
from clipface_cli.edit import ExpressionMapper, Mappers, TextureMapper
from clipface_cli.texture import Discriminator, Generator

State = dict[str, torch.Tensor]
Golden = Callable[..., State]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs `clipface assets ...`, which must succeed, and returns its output."""

    def call(*arguments: object) -> str:
        assert run(app, ["assets", *map(str, arguments)]) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture(params=["zip", "sequence"])
def save(request: pytest.FixtureRequest) -> Callable[[object, Path], Path]:
    """torch.save in the newer and the older format."""

    def write(tree: object, path: Path) -> Path:
        torch.save(tree, path, _use_new_zipfile_serialization=request.param == "zip")
        return path

    return write


def test_generator(golden: Golden, save: Callable, command: Callable, tmp_path: Path) -> None:
    original = save(golden("clipface_generator.npz", "state/"), tmp_path / "G_300000.pth")
    recorded = golden("clipface_generator.npz")
    target = Path(command("import", original).splitlines()[-1])
    assert target == imported()["generator-G_300000"]
    for source in (original, target, "generator-G_300000"):
        generator = Generator.load(source)
        assert generator.num_ws == 12
        assert torch.allclose(generator.mapping(recorded["z"]), recorded["w"], atol=1e-5)
        image = generator.synthesis(recorded["w_plus"], noise="const")
        assert (image - recorded["image"]).abs().max() < 1e-4


def test_discriminator_is_read_but_not_imported(
    golden: Golden, save: Callable, asset_home: Path, tmp_path: Path
) -> None:
    original = save(golden("clipface_discriminator.npz", "state/"), tmp_path / "D.pth")
    recorded = golden("clipface_discriminator.npz")
    logits = Discriminator.load(original)(recorded["image"])
    assert (logits - recorded["logits"]).abs().max() < 1e-4
    with pytest.raises(Refused, match="holds a discriminator, which no command uses"):
        import_asset(original)
    assert not asset_home.exists()


@pytest.mark.parametrize("layout", ["levels", "pair"])
def test_mapper(
    golden: Golden, save: Callable, command: Callable, tmp_path: Path, layout: str
) -> None:
    texture = golden("clipface_mapper.npz", "texture/")
    expression = golden("clipface_mapper.npz", "expression/")
    recorded = golden("clipface_mapper.npz")
    pair = {"texture_mapper": texture, "geometry_mapper": expression}
    levels = {**{f"level_{i}": texture for i in range(18)}, "geo": expression}
    original = save(levels if layout == "levels" else pair, tmp_path / "zombie.pt")
    target = Path(command("import", original).splitlines()[-1])
    w = recorded["x"][:, None].expand(-1, 18, -1)
    for source in (original, target, "mapper-zombie"):
        offsets = TextureMapper.load(source)(w)
        assert (offsets - recorded["texture_out"][:, None]).abs().max() < 1e-5
        moved = ExpressionMapper.load(source)(w)
        assert (moved - recorded["expression_out"]).abs().max() < 1e-5
        both = Mappers.load(source)
        edited, expression = both(w, torch.zeros(len(w), 50))
        assert torch.allclose(edited, w + offsets, atol=1e-6)
        assert torch.allclose(expression, ExpressionMapper.load(source)(edited), atol=1e-6)


def test_edit_with_imported_mapper_and_generator(
    golden: Golden,
    flame_files: Path,
    shared_home: Path,
    asset_home: Path,
    command: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module("clipface_cli.cli.sample"), "PORTRAIT", 32)
    monkeypatch.setattr(import_module("clipface_cli.edit.output"), "PORTRAIT", 32)
    torch.save(golden("clipface_generator.npz", "state/"), tmp_path / "G.pth")
    texture = golden("clipface_mapper.npz", "texture/")
    levels = {f"level_{i}": texture for i in range(12)}
    torch.save(levels | {"geo": golden("clipface_mapper.npz", "expression/")}, tmp_path / "z.pt")
    for name in ("generic_model.pkl", "head_template.obj"):
        command("import", flame_files / name)
    command("import", tmp_path / "G.pth")
    command("import", tmp_path / "z.pt")
    (asset_home / "registered").symlink_to(shared_home / "registered")
    person, out = tmp_path / "person", tmp_path / "out"
    sources = ["--generator", "generator-G"]
    assert run(app, ["sample", "-n", "1", "-o", str(person), *sources]) == 2
    sources += ["--head", "flame"]
    assert run(app, ["sample", "-n", "1", "-o", str(person), *sources]) == 0
    edit = ["edit", str(person / "000.obj"), "--mapper", "mapper-z", "-o", str(out)]
    assert run(app, [*edit, *sources]) == 0
    before, after = (
        read_sidecar(next(folder.glob("*.clipface.safetensors"))) for folder in (person, out)
    )
    assert before.w is not None
    assert after.w is not None
    assert before.generator == after.generator == "generator-G"
    assert (after.w - before.w).abs().max() > 1e-3
    moved = ExpressionMapper.load("mapper-z")(after.w)
    assert moved.abs().max() > 1e-3
    assert torch.allclose(after.expression, before.expression + moved, atol=1e-5)


def test_texture_mapper_alone_and_a_missing_level(golden: Golden, tmp_path: Path) -> None:
    texture = golden("clipface_mapper.npz", "texture/")
    torch.save({f"level_{i}": texture for i in (0, 1, 3)}, tmp_path / "gap.pt")
    with pytest.raises(Refused, match=r"gap\.pt is refused"):
        read_asset(tmp_path / "gap.pt")
    torch.save({f"level_{i}": texture for i in range(3)}, tmp_path / "only.pt")
    assert len(read_asset(tmp_path / "only.pt").arrays) == len(texture)


class Tree(nn.Module):
    """A module tree with given parameter names, to be traced."""

    def __init__(self, state: State) -> None:
        super().__init__()
        parts: dict[str, State] = {}
        for name, value in state.items():
            head, dot, rest = name.partition(".")
            if dot:
                parts.setdefault(head, {})[rest] = value
            else:
                self.register_parameter(head, nn.Parameter(value))
        for head, part in parts.items():
            self.add_module(head, Tree(part))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def small_clip(image: int = 8, patch: int = 4, vision: int = 6, text: int = 5) -> State:
    """Two towers of one block each in OpenAI's names."""
    chance = torch.Generator().manual_seed(0)
    shapes = {
        "positional_embedding": (7, text), "text_projection": (text, 3), "logit_scale": (),
        "token_embedding.weight": (11, text), "ln_final.weight": (text,), "ln_final.bias": (text,),
        "visual.class_embedding": (vision,), "visual.proj": (vision, 3),
        "visual.positional_embedding": ((image // patch) ** 2 + 1, vision),
        "visual.conv1.weight": (vision, 3, patch, patch),
        "visual.ln_pre.weight": (vision,), "visual.ln_pre.bias": (vision,),
        "visual.ln_post.weight": (vision,), "visual.ln_post.bias": (vision,),
    }  # fmt: skip
    for tower, width in (("visual.transformer", vision), ("transformer", text)):
        block = f"{tower}.resblocks.0"
        for part, rows in (("attn.in_proj_", 3 * width), ("attn.out_proj.", width)):
            shapes |= {f"{block}.{part}weight": (rows, width), f"{block}.{part}bias": (rows,)}
        for part, (rows, columns) in {
            "mlp.c_fc": (4 * width, width),
            "mlp.c_proj": (width, 4 * width),
        }.items():
            shapes |= {f"{block}.{part}.weight": (rows, columns), f"{block}.{part}.bias": (rows,)}
        for part in ("ln_1", "ln_2"):
            shapes |= {f"{block}.{part}.weight": (width,), f"{block}.{part}.bias": (width,)}
    return {name: torch.randn(shape, generator=chance) for name, shape in shapes.items()}


def hugging_face(state: State) -> State:
    """The same towers in Hugging Face's names."""
    renamed = {
        "logit_scale": state["logit_scale"],
        "text_projection.weight": state["text_projection"].T,
        "visual_projection.weight": state["visual.proj"].T,
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
    }
    parts = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
             "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj"}  # fmt: skip
    outer = {"ln_final": "text_model.final_layer_norm",
             "visual.ln_pre": "vision_model.pre_layrnorm",
             "visual.ln_post": "vision_model.post_layernorm"}  # fmt: skip
    for end in ("weight", "bias"):
        renamed |= {f"{new}.{end}": state[f"{old}.{end}"] for old, new in outer.items()}
        for old, new in (("visual.transformer", "vision_model"), ("transformer", "text_model")):
            source, target = f"{old}.resblocks.0", f"{new}.encoder.layers.0"
            for ours, theirs in parts.items():
                renamed[f"{target}.{theirs}.{end}"] = state[f"{source}.{ours}.{end}"]
            thirds = state[f"{source}.attn.in_proj_{end}"].chunk(3)
            for name, third in zip("qkv", thirds, strict=True):
                renamed[f"{target}.self_attn.{name}_proj.{end}"] = third
    return {name: value.contiguous() for name, value in renamed.items()}


def test_clip_in_every_published_form(tmp_path: Path, command: Callable) -> None:
    state = small_clip()
    state["token_embedding.weight"] = state["token_embedding.weight"].half()
    torch.save(state, tmp_path / "state.pt")
    torch.jit.trace(Tree(state), torch.zeros(1)).save(tmp_path / "ViT-tiny.pt")
    folder = tmp_path / "clip-vit-tiny"
    folder.mkdir()
    torch.save(hugging_face(state), folder / "pytorch_model.bin")
    (folder / "config.json").write_text('{"model_type": "clip"}')
    (folder / "merges.txt").write_text("#version: 0.2\ni n\n")
    for source in (tmp_path / "state.pt", tmp_path / "ViT-tiny.pt", folder):
        out = tmp_path / f"{source.stem}.safetensors"
        assert command("import", source, "-o", out).splitlines()[-1] == str(out)
        asset = read_asset(out)
        assert (asset.kind, asset.name) == ("clip", "clip-vit-6-4-8")
        for name, value in state.items():
            assert np.array_equal(asset.arrays[name], value.numpy()), name
    assert bytes(asset.arrays["tokenizer.merges"]) == (folder / "merges.txt").read_bytes()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(Refused, match="not of a CLIP"):
        read_asset(folder)


def test_latents(tmp_path: Path) -> None:
    code = torch.randn(18, 32)
    forms = (code, code[None], nn.Parameter(code), {"w": code}, {"any": code}, code.numpy(), [code])
    for form in forms:
        torch.save(form, tmp_path / "w.pt")
        asset = read_asset(tmp_path / "w.pt")
        assert asset.kind == "latents"
        assert np.array_equal(asset.arrays["w"], code[None].numpy())
    torch.save([code, code[None].repeat(3, 1, 1)], tmp_path / "w.pt")
    assert read_asset(tmp_path / "w.pt").arrays["w"].shape == (4, 18, 32)
    torch.save([code, code[:12]], tmp_path / "w.pt")
    with pytest.raises(Refused, match=r"different shapes, \(12, 32\) and \(18, 32\)"):
        read_asset(tmp_path / "w.pt")


def test_a_sidecar_has_latents_and_expressions(tmp_path: Path) -> None:
    arrays = {"w": np.zeros((18, 32)), "expression": np.zeros((1, 50)), "pose": np.zeros((1, 6))}
    np.savez(tmp_path / "head.npz", **arrays)
    assert read_asset(tmp_path / "head.npz").kind == "expressions"
    assert read_asset(tmp_path / "head.npz", "latents").arrays["w"].shape == (1, 18, 32)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros(300), "holds one row of 300 numbers, which no command takes by itself"),
        (np.zeros(512), "a row for each level"),
        (np.zeros((1, 512)), r"shape \(1, 512\), which no command uses"),
        (np.zeros((10, 50)), r"shape \(10, 50\), which no command uses"),
        (np.zeros((5023, 3)), r"shape \(5023, 3\), which no command uses"),
        (np.zeros((2, 3, 18, 512)), "which no command uses"),
        (np.zeros((18, 0)), "which no command uses"),
        (np.zeros((18, 512), np.int64), "no model or data that a clipface command uses"),
    ],
)
def test_arrays_that_are_no_latents(
    array: np.ndarray, sentence: str, asset_home: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "identity.npy", array)
    with pytest.raises(Refused, match=sentence):
        import_asset(tmp_path / "identity.npy")
    assert not asset_home.exists()


def test_masks_are_of_vertices(tmp_path: Path) -> None:
    masks = {name: np.arange(9) for name in ("face", "nose", "scalp", "neck")}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(masks))
    assert read_asset(tmp_path / "FLAME_masks.pkl").kind == "flame-masks"
    triangles = {**masks, "neck": np.array([4, 9975])}
    np.save(tmp_path / "FLAME_masks_triangles.npy", np.array(triangles, object))
    with pytest.raises(Refused, match="up to 9975, beyond FLAME's 5023 vertices; they are of tri"):
        read_asset(tmp_path / "FLAME_masks_triangles.npy")


def test_expressions(tmp_path: Path) -> None:
    frames = tmp_path / "laughing"
    frames.mkdir()
    truth = np.random.default_rng(0).standard_normal((3, 56)).astype(np.float32)
    for i, row in enumerate(truth):
        expression, pose = row[None, :50], row[None, 50:]
        tensors = {"exp": torch.from_numpy(expression), "pose": torch.from_numpy(pose)}
        frame = tensors if i == 1 else {"exp": expression, "pose": pose}
        (frames / f"{i:03}.pkl").write_bytes(pickle.dumps(frame, protocol=i + 2))
    asset = read_asset(frames)
    assert (asset.kind, asset.name) == ("expressions", "expressions-laughing")
    assert np.array_equal(asset.arrays["expression"], truth[:, :50])
    assert np.array_equal(asset.arrays["pose"], truth[:, 50:])


def test_list_check_and_where(
    golden: Golden, command: Callable, asset_home: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    fresh = command("list")
    assert all(word in fresh for word in ("name", "origin", "present", "licence", "unlocks"))
    for line in (
        "motion-mapper: the video manipulation models",
        "flame-texture: FLAME_texture.npz",
    ):
        assert line in fresh
    assert fresh.splitlines()[-1] == str(asset_home) == command("where").strip()
    assert run(app, ["assets", "where", "deca"]) == 2
    assert "deca_model.tar" in capsys.readouterr().err

    torch.save(golden("clipface_mapper.npz", "texture/"), tmp_path / "ghost.pt")
    facts = json.loads(command("import", tmp_path / "ghost.pt", "--json"))
    assert facts["kind"] == "mapper"
    assert facts["source"] == "ghost.pt"
    assert len(facts["source_sha256"]) == 64
    assert "NC" in facts["licence"]
    rows = {row["name"]: row for row in json.loads(command("list", "--json"))["assets"]}
    assert rows["mapper"]["imported"] == ["mapper-ghost"]
    assert not rows["flame"]["present"]
    assert command("where", "mapper").strip() == facts["path"]
    assert "mapper-ghost: mapper" in command("check")
    assert "mapper-ghost: mapper" in command("check", tmp_path / "ghost.pt")


def test_import_again_and_tampering(
    golden: Golden, command: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = tmp_path / "ghost.pt"
    state = golden("clipface_mapper.npz", "texture/")
    torch.save(state, original)
    target = import_asset(original)
    before = target.read_bytes()
    assert import_asset(original) == target
    torch.save({name: value + 1 for name, value in state.items()}, original)
    assert run(app, ["assets", "import", str(original)]) == 2
    assert "--force" in capsys.readouterr().err
    assert target.read_bytes() == before
    command("import", original, "--force")
    assert target.read_bytes() != before
    target.write_bytes(target.read_bytes()[:-4] + b"evil")
    assert run(app, ["assets", "check"]) == 2
    assert "has changed since it was imported" in capsys.readouterr().err


def test_kind_may_be_asked_for(golden: Golden, tmp_path: Path) -> None:
    torch.save(golden("clipface_mapper.npz", "texture/"), tmp_path / "a.pt")
    assert read_asset(tmp_path / "a.pt", "mapper").kind == "mapper"
    with pytest.raises(Refused, match="holds mapper, not flame"):
        read_asset(tmp_path / "a.pt", "flame")
