"""The options of `clipface edit`, and the settings they stand for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.edit import EditSettings

_WHAT, _WHERE, _HOW = "What to change", "How far and where", "How it is found"
_WEIGHTS = {
    "directional": "directional",
    "similarity": "plain_similarity",
    "regularizer": "regularizer_weight",
    "length": "length",
    "code-prior": "code_prior",
}

Prompts = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        "-p",
        metavar="TEXT",
        help="What the face should look like; several times for several edits.",
        rich_help_panel=_WHAT,
    ),
]
PromptFile = Annotated[
    Path | None,
    typer.Option(
        "--prompts", metavar="FILE", help="One prompt a line, # for notes.", rich_help_panel=_WHAT
    ),
]
MapperFile = Annotated[
    str | None,
    typer.Option(
        "--mapper",
        metavar="RUN",
        help="What `train-mapper` made, or an imported mapper; one of many prompts with --prompt.",
        rich_help_panel=_WHAT,
    ),
]
Undo = Annotated[
    bool, typer.Option("--undo", help="Take back the last edit instead.", rich_help_panel=_WHAT)
]
Retopologise = Annotated[
    bool,
    typer.Option(
        "--retopologise",
        help="MESH is a textured scan of any topology (OBJ, GLB, PLY): make a head of it first.",
        rich_help_panel=_WHAT,
    ),
]
Strength = Annotated[
    float,
    typer.Option(
        "--strength", min=0, max=2, help="0 no change, 1 the edit, 2 twice.", rich_help_panel=_WHERE
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        metavar="REGIONS",
        help="Paint only there, such as lips,eyes: beard, brows, ears, eyes, face, hair, lids, "
        "lips, neck, nose, skin, teeth.",
        rich_help_panel=_WHERE,
    ),
]
KeepIdentity = Annotated[
    float,
    typer.Option(
        "--keep-identity",
        min=0,
        metavar="WEIGHT",
        help="Price of leaving the person's own face; 1 is much.",
        rich_help_panel=_WHERE,
    ),
]
TextureOnly = Annotated[
    bool,
    typer.Option("--texture-only", help="Leave the expression as it is.", rich_help_panel=_WHERE),
]
ExpressionOnly = Annotated[
    bool,
    typer.Option("--expression-only", help="Leave the texture as it is.", rich_help_panel=_WHERE),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="NAME",
        help="clipface, or to compare with flametex, clipmatrix, text2mesh, latent3d.",
        rich_help_panel=_HOW,
    ),
]
Displacement = Annotated[
    bool,
    typer.Option(
        "--displacement",
        help="Text2Mesh's full form, which moves vertices too.",
        rich_help_panel=_HOW,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        min=0,
        help="Optimisation steps; 0: a single pass [50; of the paper 5000].",
        rich_help_panel=_HOW,
    ),
]
Preset = Annotated[
    Literal["default", "paper", "released"],
    typer.Option(
        "--preset",
        help="paper: the published method to the letter; released: with its code's regulariser.",
        rich_help_panel=_HOW,
    ),
]
Template = Annotated[
    str | None,
    typer.Option(
        "--template",
        metavar="SENTENCE",
        help="The sentence of a prompt, which goes where it says PROMPT "
        "[A photo of a face that looks like PROMPT].",
        rich_help_panel=_HOW,
    ),
]
StartMapper = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="MAPPER",
        help="Begin with these zero-offset mappers, imported or a path, instead of fresh ones.",
        rich_help_panel=_HOW,
    ),
]
Views = Annotated[
    int | None,
    typer.Option(
        "--views", min=1, max=5, help="Renders a step, averaged [2].", rich_help_panel=_HOW
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="NAME=X,…",
        help=f"Parts of the loss: {', '.join(_WEIGHTS)}.",
        rich_help_panel=_HOW,
    ),
]
Ablate = Annotated[
    str | None,
    typer.Option(
        "--ablate",
        metavar="PARTS",
        help="Leave parts out: the paper's pretraining, texture-code, direction, regularizer; of "
        "the default's see docs/edit.md.",
        rich_help_panel=_HOW,
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="LIST",
        help="Several edits, one a seed: 0-3 or 1,5,9.",
        rich_help_panel=_HOW,
    ),
]
Preview = Annotated[
    int | None,
    typer.Option(
        "--preview", min=1, metavar="K", help="Write preview.png every K steps.",
        rich_help_panel=_HOW,
    ),
]  # fmt: skip


CLIPFACE = "clipface"
_DEFAULTS = {"preset": "default", "strength": 1.0, "keep_identity": 0.0, "method": CLIPFACE}


def changed(**values: object) -> list[str]:
    """Options, as they are typed, whose values are not the defaults."""
    return [
        f"--{name.replace('_', '-')}"
        for name, value in values.items()
        if value is not None and value is not False and value != _DEFAULTS.get(name)
    ]


def adjusted(
    settings: EditSettings,
    steps: int | None,
    views: int | None,
    weights: str | None,
    ablate: str | None,
    template: str | None,
) -> EditSettings:
    """A preset's settings with what the command line says; InputError for what cannot be."""
    from clipface_cli.edit import ablated

    changed: dict[str, Any] = parse_weights(weights or "")
    given = {"steps": steps, "views": views, "template": template}
    changed |= {name: value for name, value in given.items() if value is not None}
    names = tuple(part.strip() for part in (ablate or "").split(",") if part.strip())
    return ablated(replace(settings, **changed), names)


def parse_change(
    texture_only: bool, expression_only: bool
) -> Literal["both", "texture", "expression"]:
    """Mappers to train: texture, expression or both; InputError when neither may change."""
    if texture_only and expression_only:
        raise InputError("--texture-only and --expression-only leave nothing; drop one of them.")
    if texture_only:
        return "texture"
    return "expression" if expression_only else "both"


def parse_weights(text: str) -> dict[str, Any]:
    """ "similarity=0.5,regularizer=0" as fields of the settings."""
    found: dict[str, Any] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, amount = item.partition("=")
        try:
            found[_WEIGHTS[name.strip()]] = float(amount)
        except (KeyError, ValueError) as error:
            known = ", ".join(_WEIGHTS)
            message = f"--weights: {item!r} is not NAME=NUMBER with a NAME of {known}."
            raise InputError(message) from error
    return found


def parse_regions(text: str | None) -> tuple[str, ...]:
    """ "lips,eyes" as names."""
    names = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    if text is not None and not names:
        raise InputError("--only names no region; give some, such as --only lips,eyes.")
    return names


def read_prompts(prompts: list[str] | None, file: Path | None) -> list[str]:
    """All that are asked for, once each; InputError for an empty one."""
    found = list(prompts or [])
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--prompts: {file} is not a text file that can be read.") from error
        found += [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not found:
            raise InputError(f"--prompts: {file} holds no prompt; write one a line.")
    found = [" ".join(prompt.split()) for prompt in found]
    if not all(found):
        raise InputError("--prompt is empty; say what the face should look like.")
    return list(dict.fromkeys(found))
