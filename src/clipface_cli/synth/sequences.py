"""Short sequences that ship with the package: laugh, angry, speech, yawn, as ARKit units."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.sequence import UnitSequence

FRAMES = 30
FPS = 15.0
Curve = NDArray[np.float64]


def shipped_sequence(name: str, frames: int = FRAMES) -> UnitSequence:
    """One of `SEQUENCES`, two seconds long at any number of frames; KeyError for other names."""
    time = np.linspace(0, 1, frames)
    units, turns = SEQUENCES[name](time)
    pose = np.zeros((frames, 6), np.float32)
    for axis, turn in enumerate(turns):
        pose[:, axis] = turn
    activations = {unit: np.clip(c, 0, None).astype(np.float32) for unit, c in units.items()}
    return UnitSequence(activations, pose, FPS * frames / FRAMES)


def _both(**units: Curve) -> dict[str, Curve]:
    """The same activation left and right."""
    return {name + side: curve for name, curve in units.items() for side in ("Left", "Right")}


def _smooth(time: Curve, begin: float, end: float) -> Curve:
    """0 before `begin`, 1 after `end`, an S between."""
    x = np.clip((time - begin) / (end - begin), 0, 1)
    return x * x * (3 - 2 * x)


def _held(time: Curve, rise: tuple[float, float], fall: tuple[float, float]) -> Curve:
    """Rises and falls again."""
    return _smooth(time, *rise) - _smooth(time, *fall)


def _bump(time: Curve, middle: float, width: float) -> Curve:
    return np.exp(-(((time - middle) / width) ** 2))


def _laugh(time: Curve) -> tuple[Mapping[str, Curve], tuple[Curve, ...]]:
    """A smile that breaks into four bursts and calms down."""
    smile = _held(time, (0.05, 0.35), (0.8, 1.0))
    burst = _held(time, (0.25, 0.42), (0.7, 0.9)) * (0.75 + 0.25 * np.cos(14 * np.pi * time))
    units = _both(
        mouthSmile=1.25 * smile,
        cheekSquint=0.43 * smile,  # more, and the eyeball comes through the lid
        eyeSquint=0.4 * smile,
        eyeBlink=0.25 * burst,
        mouthUpperUp=0.6 * burst,
        mouthStretch=0.25 * burst,
    )
    units |= {"jawOpen": 0.5 * burst, "browInnerUp": 0.15 * burst}
    return units, (-0.12 * burst, 0.06 * np.sin(2 * np.pi * time) * smile)


def _angry(time: Curve) -> tuple[Mapping[str, Curve], tuple[Curve, ...]]:
    """Brows come down, then the mouth tightens and bares its teeth."""
    frown = _held(time, (0.05, 0.3), (0.82, 1.0))
    snarl = _held(time, (0.3, 0.5), (0.7, 0.9))
    units = _both(
        browDown=1.4 * frown,
        eyeSquint=0.5 * frown,
        noseSneer=0.5 * frown + 0.4 * snarl,
        mouthPress=0.5 * (frown - snarl),
        mouthFrown=0.6 * frown,
        mouthUpperUp=0.45 * snarl,
        mouthLowerDown=0.4 * snarl,
    )
    units |= {"jawForward": 0.25 * frown, "jawOpen": 0.1 * snarl}
    return units, (0.1 * frown, 0.05 * np.sin(6 * np.pi * time) * snarl)


def _speech(time: Curve) -> tuple[Mapping[str, Curve], tuple[Curve, ...]]:
    """Seven mouth shapes as of a short sentence, with a blink and a raised brow."""
    open_, wide, round_, closed = (
        sum((amount * _bump(time, at, 0.045) for at, amount in peaks), np.zeros_like(time))
        for peaks in (
            [(0.12, 0.45), (0.38, 0.6), (0.62, 0.35), (0.85, 0.4)],
            [(0.25, 0.8), (0.62, 0.7)],
            [(0.5, 0.85), (0.75, 0.7)],
            [(0.31, 0.7), (0.69, 0.6)],
        )
    )
    units = _both(
        mouthStretch=0.5 * wide,
        mouthSmile=0.25 * wide,
        mouthLowerDown=0.4 * open_,
        mouthUpperUp=0.2 * open_ + 0.2 * wide,
        mouthPress=0.6 * closed,
        eyeBlink=_bump(time, 0.45, 0.03) + _bump(time, 0.93, 0.03),
        browOuterUp=0.35 * _bump(time, 0.38, 0.12),
    )
    units |= {"jawOpen": 0.7 * open_, "mouthFunnel": 0.5 * round_, "mouthPucker": 0.6 * round_}
    units["browInnerUp"] = 0.4 * _bump(time, 0.38, 0.12)
    return units, (0.04 * np.sin(4 * np.pi * time), 0.08 * np.sin(2 * np.pi * time))


def _yawn(time: Curve) -> tuple[Mapping[str, Curve], tuple[Curve, ...]]:
    """The jaw sinks, eyes close and brows rise with it."""
    gape = _held(time, (0.08, 0.45), (0.65, 0.95))
    units = _both(
        eyeBlink=0.95 * _held(time, (0.2, 0.45), (0.7, 0.95)),
        cheekSquint=0.5 * gape,
        noseSneer=0.3 * gape,
        browOuterUp=0.4 * gape,
        mouthStretch=0.3 * gape,
        mouthUpperUp=0.25 * gape,
    )
    units |= {"jawOpen": 1.05 * gape, "browInnerUp": 0.55 * gape, "mouthFunnel": 0.25 * gape}
    return units, (-0.18 * gape, 0.03 * np.sin(2 * np.pi * time))


SEQUENCES: dict[str, Callable[[Curve], tuple[Mapping[str, Curve], tuple[Curve, ...]]]] = {
    "laugh": _laugh,
    "angry": _angry,
    "speech": _speech,
    "yawn": _yawn,
}
