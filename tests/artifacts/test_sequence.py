"""Sequences on disk: seq.npz, DECA's pickles, Live Link Face's CSV."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.artifacts.sequence import (
    Sequence,
    read_arkit,
    read_npz,
    write_sequence,
)
from clipface_cli.assets import import_asset
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.head.sequence import (
    find_sequence,
    imported_sequences,
    load_sequence,
    read_frames,
)


def some(frames: int = 4, seed: int = 0) -> Sequence:
    random = np.random.default_rng(seed)
    values = [random.standard_normal((frames, n)).astype(np.float32) for n in (50, 6)]
    return Sequence(*values, 29.97, random.standard_normal(100).astype(np.float32))


def test_npz_comes_back(tmp_path: Path) -> None:
    sequence, path = some(), tmp_path / "seq.npz"
    write_sequence(path, sequence)
    again = read_npz(path)
    for name in ("expression", "pose", "shape"):
        assert np.array_equal(getattr(again, name), getattr(sequence, name))
    assert again.fps == 29.97
    assert set(np.load(path).files) == {"expression", "pose", "shape", "fps"}
    first = path.read_bytes()
    write_sequence(path, sequence)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"expression": np.zeros((3, 50))}, "lacks pose"),
        ({"expression": np.zeros((3, 50)), "pose": np.zeros((2, 6))}, "3 frames of expression"),
        ({"expression": np.zeros((3, 50)), "pose": np.zeros((3, 5))}, r"\(T, 6\)"),
        ({"expression": np.full((1, 50), np.nan), "pose": np.zeros((1, 6))}, "not finite"),
        ({"expression": np.zeros((1, 50)), "pose": np.zeros((1, 6)), "fps": 0.0}, "positive"),
    ],
)
def test_npz_that_does_not_fit(
    tmp_path: Path, arrays: dict[str, np.ndarray], sentence: str
) -> None:
    np.savez(tmp_path / "seq.npz", **arrays)
    with pytest.raises(InputError, match=sentence):
        read_npz(tmp_path / "seq.npz")


def test_pickled_objects_are_not_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "seq.npz", expression=np.array([{}], object), pose=np.zeros((1, 6)))
    with pytest.raises(InputError, match="not a sequence"):
        read_npz(tmp_path / "seq.npz")
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "0.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(InputError, match="refused"):
        read_frames(tmp_path / "frames")


def test_folder_of_pickles_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    sequence = some(12)
    for index in range(12):
        frame = {
            "exp": sequence.expression[index][None],
            "pose": torch.from_numpy(sequence.pose[index][None]).numpy(),
            "shape": sequence.shape[None] + (0.5 if index % 2 else -0.5),
        }
        (tmp_path / f"frame{index}.pkl").write_bytes(pickle.dumps(frame))
    again = read_frames(tmp_path, fps=30)
    assert np.array_equal(again.expression, sequence.expression)
    assert np.array_equal(again.pose, sequence.pose)
    assert np.allclose(again.shape, sequence.shape, atol=1e-6)
    assert again.fps == 30


@pytest.mark.parametrize("name", ["laughing", "LAUGHING", "Laughing", "expressions-laughing"])
def test_an_imported_sequence_by_name(
    name: str, tmp_path: Path, head: HeadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))
    assert find_sequence(name) is None
    with pytest.raises(InputError, match=r"no sequence of that name is imported \(imported: none"):
        load_sequence(name, head)
    sequence, folder = some(12), tmp_path / "Laughing"
    folder.mkdir()
    for index in range(12):
        frame = {"exp": sequence.expression[index][None], "pose": sequence.pose[index][None]}
        (folder / f"frame{index}.pkl").write_bytes(pickle.dumps(frame))
    target = import_asset(folder)
    assert imported_sequences() == ["laughing"]
    assert find_sequence(name) == target
    for source in (name, target, folder):
        again = load_sequence(source, head)
        assert np.array_equal(again.expression, sequence.expression)
        assert np.array_equal(again.pose, sequence.pose)
    with pytest.raises(InputError, match=r"imported: laughing"):
        load_sequence("angry", head)


def live_link(path: Path, codes: list[str], **columns: list[float]) -> Path:
    lines = [",".join(["Timecode", "BlendShapeCount", *columns])]
    for index, code in enumerate(codes):
        lines.append(",".join([code, "61", *(str(column[index]) for column in columns.values())]))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_arkit_csv(tmp_path: Path, head: HeadModel) -> None:
    codes = ["10:00:01:58.1", "10:00:01:59.2", "10:00:02:01.0"]  # the frame 02:00 is missing
    path = live_link(
        tmp_path / "take.csv",
        codes,
        JawOpen=[0.0, 0.4, 0.8],
        MouthSmileLeft=[0.5, 0.5, 0.5],
        HeadYaw=[0.0, 0.1, 0.3],
        HeadPitch=[0.0, 0.0, -0.2],
        LeftEyeYaw=[0.0, 0.0, 0.0],
    )
    units = read_arkit(path)
    assert units.fps == 60
    assert np.allclose(units.activations["jawopen"], [0, 0.4, 0.6, 0.8])
    assert np.allclose(units.pose[:, 1], [0, 0.1, 0.2, 0.3])
    sequence = load_sequence(path, head)
    wanted = head.expression_from_units({"jawOpen": 0.8, "mouthSmileLeft": 0.5})
    assert np.allclose(sequence.expression[-1], wanted.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Timecode,JawOpen\n", "no frames"),
        ("Timecode,JawOpen\n0:0:0:1,x\n", "no number"),
        ("Timecode,JawOpen\n0:0:0:1\n", "cut off"),
        ("Timecode,HeadYaw\n0:0:0:1,0.1\n", "no columns of ARKit units"),
        ("Timecode,JawOpen,Wings\n0:0:0:1,0.1,0\n", "Unknown ARKit unit 'wings'"),
    ],
)
def test_wrong_csv(tmp_path: Path, head: HeadModel, text: str, sentence: str) -> None:
    (tmp_path / "take.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_sequence(tmp_path / "take.csv", head)


def test_more_coefficients_than_the_head(tmp_path: Path, head: HeadModel) -> None:
    sequence = Sequence(np.ones((2, 60), np.float32), np.zeros((2, 6), np.float32))
    write_sequence(tmp_path / "seq.npz", sequence)
    with pytest.raises(InputError, match="60 expression coefficients"):
        load_sequence(tmp_path / "seq.npz", head)
    sequence.expression = sequence.expression[:, :10]
    write_sequence(tmp_path / "seq.npz", sequence)
    assert load_sequence(tmp_path / "seq.npz", head).expression.shape == (2, 50)
