"""Initialisations of an edit.

The paper's is zero.py: mappers that predict no change. What preset `default` adds are
initialisations after the protocol of start.py; `EditSettings.initialization` names those that are
used, in their order. Adding one is one file here and one line in `INITIALIZATIONS`.
"""

from clipface_cli.edit.initialization.expression_basis import start_at_expression
from clipface_cli.edit.initialization.latent_bank import start_at_people
from clipface_cli.edit.initialization.prompt_mapper import start_by_mapper
from clipface_cli.edit.initialization.start import Initialization, Request, Start
from clipface_cli.edit.initialization.zero import zero_start

INITIALIZATIONS: dict[str, Initialization] = {
    "expression-basis": start_at_expression,
    "latent-bank": start_at_people,
    "prompt-mapper": start_by_mapper,
}

__all__ = ["INITIALIZATIONS", "Initialization", "Request", "Start", "zero_start"]
