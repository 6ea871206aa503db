"""Every number of an edit in one place: the presets `paper`, `released` and `default`.

`PAPER` is sections 3.2, 3.3 and 4 of the paper to the letter. `DEFAULT` starts near the expected
result and stops early; each of its additions is a field of its own here, can be switched off by its
name in `ABLATIONS`, and is described in docs/edit.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from clipface_cli.errors import InputError
from clipface_cli.guidance.prompts import SOURCE_PROMPT, TEMPLATE, is_sentence, target_sentence

if TYPE_CHECKING:
    from clipface_cli.guidance import Guidance

Regularizer = Literal["mahalanobis", "norm"]
Change = Literal["both", "texture", "expression"]


@dataclass(frozen=True)
class EditSettings:
    """How mappers are optimised; the defaults are those of preset `default`.

    Lengths of directions and offsets are shares of the target direction's unless said otherwise.
    """

    preset: str = "default"

    # What the user asks for, with any preset.
    change: Change = "both"
    only: tuple[str, ...] = ()  # regions outside which the texture stays; () for everywhere
    strength: float = 1.0  # 0 the head as it was, 1 the edit, 2 twice as far
    seed: int = 0
    ablated: tuple[str, ...] = ()  # names of `ABLATIONS` that were applied

    # Sentences (eq. 5).
    template: str = TEMPLATE
    source: str = SOURCE_PROMPT
    whole_sentences: bool = True  # addition: a prompt "a photo of ..." is a sentence already
    template_ensemble: bool = False  # addition: directions averaged over six sentences
    prompt_parts: bool = True  # addition: "angry, red lips" is read in parts, lips painted apart
    target_length: bool = True  # addition: directions are lengthened to what a change shows at

    # Optimisation: Adam over the mappers of eq. 3 and 4.
    steps: int = 50  # with the planned start, the similarity gains little after 25 to 40
    texture_rate: float = 5e-2  # 500 times the paper's: few steps must do
    expression_rate: float = 0.3  # 60 times the paper's
    pretraining: bool = True  # zero-offset mappers; off: random ones
    code_conditioned: bool = True  # E sees the edited code (eq. 4); off: the initial expression
    seconds: float = 0.0  # of wall time from the first stage on, after which steps end; 0: no limit
    early_stop: float = 2e-3  # addition: stop when a step's similarity gain falls below; 0 never

    # Where the mappers start, one after another; () is the paper's zero.
    initialization: tuple[str, ...] = ("expression-basis", "latent-bank")
    single_pass: tuple[str, ...] = ("prompt-mapper",)  # added to it when there are no steps
    expression_reach: float = 1.8  # length wanted of an expression's image direction

    # What the guidance sees.
    resolution: int = 160  # pixels of a render; the embedded model reads 128
    full_texture: bool = False  # off is an addition: textures only as fine as the renders need
    views: int = 2  # renders a step
    yaws: tuple[float, ...] = (-25.0, -12.0, 0.0, 12.0, 25.0)  # degrees, drawn without repetition
    max_yaw: float = 25.0  # degrees, either way, of views drawn uniformly where `yaws` is ()
    zoom: float = 0.0  # addition: most by which a view is enlarged, as a share
    shift: float = 0.0  # addition: most by which it is moved, metres
    brightness: float = 0.0  # addition: most by which it is brightened or darkened, as a share

    # Loss (eq. 6 to 9).
    normalized: bool = False  # embeddings of length one before they are subtracted
    directional: float = 1.0  # weight of the directional loss
    plain_similarity: float = 0.0  # addition: weight of 1 - cos of render and prompt (StyleCLIP)
    regularizer_weight: float = 9e-2  # lambda_reg of eq. 9
    regularizer: Regularizer = "mahalanobis"  # eq. 8; "norm" is what the released code has
    expression_target: bool = True  # addition: eq. 8 on the distance from the planned expression
    direction_floor: float = 0.5  # addition: image directions shorter than this count as this long
    length: float = 1.0  # addition: weight of a too short change
    code_prior: float = 0.5  # addition: weight of straying from the planned code offset
    texture_stiffness: float = 5.0  # addition: how much more that costs for expressions
    identity: float = 0.0  # addition: weight of leaving the person's own code and colours
    motion_limit: float = 0.04  # addition: metres that an expression may move a vertex; 0: any

    @property
    def single(self) -> tuple[str, ...]:
        """Initialisations of an edit without steps."""
        return (*self.initialization, *self.single_pass)


DEFAULT = EditSettings()

# A CLIP's image directions neither have the length of the text's nor point the same way, so
# additions for a calibrated guidance are off, and views vary more: on one fixed pixel grid textures
# become adversarial to a CLIP.
DEFAULT_CLIP = replace(
    DEFAULT,
    template_ensemble=True,
    prompt_parts=False,
    target_length=False,
    initialization=(),
    yaws=(),
    zoom=0.25,
    shift=0.012,
    brightness=0.12,
    normalized=True,
    direction_floor=0.1,
    length=0.0,
)

PAPER = EditSettings(
    preset="paper",
    whole_sentences=False,
    prompt_parts=False,
    target_length=False,
    steps=5000,
    texture_rate=1e-4,
    expression_rate=5e-3,
    early_stop=0.0,
    initialization=(),
    single_pass=(),
    resolution=512,
    full_texture=True,
    views=1,
    yaws=(),
    normalized=True,
    regularizer_weight=0.01,
    expression_target=False,
    direction_floor=0.0,
    length=0.0,
    code_prior=0.0,
    texture_stiffness=0.0,
    motion_limit=0.0,
)

# The published code has 0.01 |psi| in place of eq. 8, and takes codes in their files' order.
RELEASED = replace(PAPER, preset="released", regularizer="norm")

PRESETS = {"default": DEFAULT, "paper": PAPER, "released": RELEASED}


@dataclass(frozen=True)
class AnimateSettings:
    """How the mapper of an animation is optimised (sec. 3.3); the defaults are preset `default`'s.

    edit: steps, `texture_rate`, views and loss.
    """

    edit: EditSettings
    seed: int = 0
    frames: int | None = 4  # addition: frames a step, drawn by importance; None: all (eq. 14)
    chunk: int = 4  # frames that are rendered at once: memory grows with them
    head_rotation: bool = False  # off is an addition: turning the head does not repaint the skin
    centered_inputs: bool = True  # addition: the mapper sees how frames differ
    resting_reference: bool = True  # addition: expressions are compared with the head at rest
    importance_target: bool = True  # addition: an appearance is asked as far as a frame counts
    static_start: bool = True  # addition: the texture begins as the best static one


def animate_settings(name: str, guidance: Guidance) -> AnimateSettings:
    """The settings of a preset for animations; InputError for an unknown one."""
    settings = preset(name, guidance)
    if settings.preset == "default":
        edit = replace(settings, steps=60, expression_reach=1.0, early_stop=0.0)
        return AnimateSettings(edit)
    return AnimateSettings(
        replace(settings, steps=20_000, change="texture", regularizer_weight=0.0),  # appendix 7
        frames=None,
        head_rotation=True,
        centered_inputs=False,
        resting_reference=False,
        importance_target=False,
        static_start=False,
    )


Ablation = Callable[[EditSettings], EditSettings]


def _with(**fields: Any) -> Ablation:
    return lambda settings: replace(settings, **fields)


def _start_without(name: str) -> Ablation:
    def ablation(settings: EditSettings) -> EditSettings:
        kept = tuple(other for other in settings.initialization if other != name)
        return replace(settings, initialization=kept)

    return ablation


ABLATIONS: dict[str, Ablation] = {
    # The paper's rows.
    "pretraining": _with(pretraining=False),
    "texture-code": _with(code_conditioned=False),
    "direction": _with(directional=0.0, plain_similarity=1.0, length=0.0),
    "regularizer": _with(regularizer_weight=0.0),
    # What the default adds.
    "planned-start": _with(initialization=(), single_pass=()),
    "latent-bank": _start_without("latent-bank"),
    "expression-basis": _start_without("expression-basis"),
    "prompt-mapper": _with(single_pass=()),
    "prompt-parts": _with(prompt_parts=False),
    "target-length": _with(target_length=False),
    "template-ensemble": _with(template_ensemble=False),
    "expression-target": _with(expression_target=False),
    "floor": _with(direction_floor=0.0),
    "length": _with(length=0.0),
    "code-prior": _with(code_prior=0.0),
    "stiffness": _with(texture_stiffness=0.0),
    "motion-limit": _with(motion_limit=0.0),
    "early-stop": _with(early_stop=0.0),
    "low-resolution": _with(full_texture=True, resolution=512),
    "view-jitter": _with(zoom=0.0, shift=0.0, brightness=0.0),
}
"""Settings that leave each part out: the paper's rows, then each addition of `default`."""


def default_settings(guidance: Guidance) -> EditSettings:
    """Preset `default` for this guidance."""
    return DEFAULT if guidance.calibrated else DEFAULT_CLIP


def preset(name: str, guidance: Guidance) -> EditSettings:
    """The settings of a preset by its name; InputError for an unknown one."""
    if name not in PRESETS:
        raise InputError(f"There is no preset {name!r}; choose from {', '.join(PRESETS)}.")
    return default_settings(guidance) if name == "default" else PRESETS[name]


def ablated(settings: EditSettings, names: tuple[str, ...]) -> EditSettings:
    """The settings without these parts.

    Raises InputError for an unknown name, and for one that the preset does not have: then there
    would be nothing to leave out.
    """
    for name in names:
        if name not in ABLATIONS:
            raise InputError(f"--ablate: no {name!r}; choose from {', '.join(ABLATIONS)}.")
        without = ABLATIONS[name](settings)
        if without == settings:
            raise InputError(f"--ablate {name}: preset {settings.preset} does without it already.")
        settings = without
    return replace(settings, ablated=(*settings.ablated, *names))


def sentence(settings: EditSettings, prompt: str) -> str:
    """The target sentence t_tgt of a prompt."""
    if settings.whole_sentences and is_sentence(prompt):
        return " ".join(prompt.split())
    return target_sentence(prompt, settings.template)
