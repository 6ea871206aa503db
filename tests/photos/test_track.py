"""Following a face through frames, gaps, smoothing, and the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipface_cli.artifacts.sequence import read_npz
from clipface_cli.cli import app, run
from clipface_cli.errors import ClipfaceError
from clipface_cli.photos.track import fill_gaps, follow, smoothed, squared

BLANK = np.full((200, 240, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def frames(astronaut: np.ndarray) -> list[np.ndarray]:
    """Eight frames, 240 x 200, in which the face drifts to the right."""
    return [astronaut[20:220, 110 - 2 * i : 350 - 2 * i].copy() for i in range(8)]


def test_follow_keeps_the_face_and_finds_it_again(frames: list[np.ndarray]) -> None:
    shown = [*frames[:3], BLANK, *frames[4:6]]
    faces = [face for _, face in follow(shown)]
    assert [face is not None for face in faces] == [True, True, True, False, True, True]
    middles = np.array([face.points[:, 0].mean() for face in faces if face])
    assert np.allclose(np.diff(middles), [2, 2, 4, 2], atol=0.7)


def test_gaps_are_filled_linearly() -> None:
    known = np.array([True, False, False, True])
    assert fill_gaps(np.array([[0.0, 1], [3, 1]]), known).tolist() == [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
    ]


def test_smoothing_keeps_slow_motion_and_drops_jitter() -> None:
    time = np.linspace(0, 1, 40)[:, None]
    slow = (time**2).astype(np.float32)
    jitter = np.random.default_rng(0).standard_normal((40, 1)).astype(np.float32)
    assert np.allclose(smoothed(slow, 7), slow, atol=1e-5)
    assert smoothed(jitter, 7).std() < 0.75 * jitter.std()
    assert smoothed(jitter, 0) is jitter
    for frames in (1, 2, 3, 4):  # shorter than the window
        assert smoothed(slow[:frames], 7).shape == (frames, 1)


def test_squared_repeats_edges() -> None:
    frame = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    square = squared(frame)
    assert square.shape == (4, 4, 3)
    assert np.array_equal(square[1:3], frame)
    assert np.array_equal(square[0], frame[0])


def write_frames(folder: Path, frames: list[np.ndarray]) -> Path:
    folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index}.png")
    return folder


def test_command(
    tmp_path: Path, frames: list[np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [BLANK, *frames[:3], BLANK, *frames[4:7]]
    clip, output = write_frames(tmp_path / "clip", shown), tmp_path / "seq.npz"
    preview = tmp_path / "seen.mp4"
    line = ["track", str(clip), "-o", str(output), "--preview", str(preview), "--fps", "24"]
    assert run(app, [*line, "--json"]) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert (facts["frames"], facts["first_frame"], facts["filled_frames"]) == (7, 1, [4])
    assert "filled in: 4" in printed.err
    sequence = read_npz(output)
    assert sequence.expression.shape == (7, 50)
    assert sequence.shape is not None
    assert sequence.fps == 24
    assert preview.stat().st_size > 1000
    assert run(app, line) == 2  # exists
    assert "--force" in capsys.readouterr().err


def test_command_says_what_is_wrong(
    tmp_path: Path, frames: list[np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(code: int, *words: str) -> str:
        assert run(app, ["track", *words]) == code
        return capsys.readouterr().err

    assert "does not exist" in fails(2, str(tmp_path / "none.mp4"))
    (tmp_path / "clip.mp4").write_bytes(b"not a film")
    assert "not a video" in fails(2, str(tmp_path / "clip.mp4"))
    blank = write_frames(tmp_path / "blank", [BLANK])
    assert "No face" in fails(1, str(blank), "-o", str(tmp_path / "a.npz"))
    lost = write_frames(tmp_path / "lost", [frames[0], *[BLANK] * 3, frames[4]])
    words = (str(lost), "-o", str(tmp_path / "b.npz"), "--max-gap", "2")
    assert "lost for 3 frames from 0.04 s" in fails(1, *words)
    assert not (tmp_path / "b.npz").exists()
    (tmp_path / "empty").mkdir()
    assert "no pictures" in fails(2, str(tmp_path / "empty"))
    assert ".npz" in fails(2, str(lost), "-o", str(tmp_path / "c.csv"))
    assert "needs footage" in fails(
        2, str(take(tmp_path)), "-o", str(tmp_path / "d.npz"), "--preview", str(tmp_path / "d.mp4")
    )


def take(folder: Path) -> Path:
    path = folder / "take.csv"
    path.write_text("Timecode,BlendShapeCount,JawOpen\n0:0:0:0,61,0.1\n0:0:0:1,61,0.2\n")
    return path


def test_other_trackers_files_become_sequences(tmp_path: Path) -> None:
    output = tmp_path / "seq.npz"
    assert run(app, ["track", str(take(tmp_path)), "-o", str(output)]) == 0
    assert read_npz(output).expression.shape == (2, 50)


def test_a_long_gap_is_an_error_not_a_guess(frames: list[np.ndarray]) -> None:
    from clipface_cli.photos import load_encoder
    from clipface_cli.photos.track import track

    with pytest.raises(ClipfaceError, match="--max-gap 6"):
        track([frames[0], *[BLANK] * 6, frames[6]], 25, load_encoder())
