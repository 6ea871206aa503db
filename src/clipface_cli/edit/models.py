"""The networks of an edit on one device, and their latent bank, basis and code prior."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from clipface_cli.assets import builtin
from clipface_cli.avatar.subject import Subject
from clipface_cli.edit.additions import calibrated_direction, ensemble_direction
from clipface_cli.edit.code_prior import CodePrior
from clipface_cli.edit.initialization.expression_basis import ExpressionBasis
from clipface_cli.edit.initialization.latent_bank import LatentBank
from clipface_cli.edit.initialization.prompt_mapper import FILE, PromptMapper
from clipface_cli.edit.objective import text_direction
from clipface_cli.edit.presets import EditSettings, sentence
from clipface_cli.edit.views import FRONT, Views, fixed_views
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Renderer
from clipface_cli.texture import Generator

PROBED = 8  # expressions of a person that are embedded at a time


class EditModels:
    """Head model, generator and guidance, and renders of heads as the guidance sees them.

    Edits run on `device`, the generator's.
    """

    def __init__(
        self,
        head: HeadModel,
        generator: Generator,
        guidance: Guidance,
        mapper: PromptMapper | None = None,
    ) -> None:
        """mapper: the prompt mapper for single passes, instead of the embedded one.

        Raises InputError where it is not for these networks.
        """
        self.head, self.generator, self.guidance = head, generator, guidance
        self.device = generator.device
        self.given_mapper = mapper
        self._renderers: dict[int, Renderer] = {}
        self._basis: tuple[Subject, ExpressionBasis] | None = None
        if mapper is not None and not mapper.fits(head, generator, guidance):
            raise InputError(
                "This mapper was trained for another head, generator or guidance than these."
            )

    @cached_property
    def code_prior(self) -> CodePrior:
        """Distribution of the mapping network's codes."""
        return CodePrior(self.generator)

    @cached_property
    def latent_bank(self) -> LatentBank:
        """Random people as the guidance sees them."""
        return LatentBank.of(self.head, self.generator, self.guidance, self.code_prior)

    def expression_basis(self, person: Subject, settings: EditSettings) -> ExpressionBasis:
        """The guidance's response to this person's expressions; measured once a person."""
        if self._basis is None or self._basis[0] is not person:
            front = fixed_views(FRONT, self.device)

            def embed(offsets: Tensor) -> Tensor:
                seen = []
                for some in (person.params.expression + offsets).split(PROBED):
                    params = HeadParams.stacked([person.params] * len(some))
                    shown = params, person.texture, some, front
                    seen.append(self.embed(*shown, settings.resolution))
                return torch.cat(seen)[:, 0]

            self._basis = person, ExpressionBasis.of(self.head, embed)
        return self._basis[1]

    @cached_property
    def prompt_mapper(self) -> PromptMapper | None:
        """The one given, else the package's own where it was made for these networks."""
        if self.given_mapper is not None:
            return self.given_mapper
        mapper = PromptMapper.load(builtin(FILE)).to(self.device)
        return mapper if mapper.fits(self.head, self.generator, self.guidance) else None

    def renderer(self, resolution: int) -> Renderer:
        """The renderer of unlit heads at this resolution in pixels."""
        if resolution not in self._renderers:
            self._renderers[resolution] = Renderer(self.head, resolution)
        return self._renderers[resolution]

    def embed(
        self,
        params: HeadParams,
        texture: Tensor,
        expression: Tensor,
        views: Views,
        resolution: int,
    ) -> Tensor:
        """Embeddings (B, V, D), as the guidance gives them, of B textured heads.

        texture (B, 3, R, R), or for a single view (1, 3, R, R), which all heads share; expression
        (B, E) instead of that of params; resolution: of the renders, which the guidance resizes to
        its own.
        """
        vertices = self.head.pose_head(params.with_expression(expression)) - self.head.origin
        camera, gain = views.repeated(len(expression))
        image, _ = self.renderer(resolution)(
            vertices.repeat_interleave(len(views), 0),
            texture.repeat_interleave(len(views), 0),
            camera,
        )
        if gain is not None:
            image = (image + 1) * gain - 1
        return self.guidance.encode_image(image).unflatten(0, (len(expression), len(views)))

    @torch.no_grad()
    def target_direction(self, settings: EditSettings, prompt: str) -> Tensor:
        """Δt (1, D) of a prompt, as the settings have it; eq. 5.

        Raises InputError for an empty prompt or one that the guidance cannot read.
        """
        if not prompt.strip():
            raise InputError("The prompt is empty; say what the face should look like.")
        target = sentence(settings, prompt)
        if settings.template_ensemble:
            return ensemble_direction(self.guidance, target)
        if settings.normalized:
            return text_direction(self.guidance, target, settings.source)
        return calibrated_direction(*self.guidance.encode_text([target, settings.source]))[None]
