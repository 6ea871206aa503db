"""Procedural people: attributes, painted UV skins, captions, expressions, and the corpus."""

from clipface_cli.synth.captions import captions
from clipface_cli.synth.corpus import (
    contact_sheet,
    load_texture,
    read_attributes,
    read_people,
    write_corpus,
    write_dataset,
)
from clipface_cli.synth.expressions import RECIPES, draw_expression, random_units
from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.paint import paint
from clipface_cli.synth.people.attributes import (
    attributes_from_latents,
    person_from_latent,
    sample_attributes,
)
from clipface_cli.synth.people.person import (
    ATTRIBUTE_NAMES,
    ATTRIBUTE_SIZE,
    LATENT_NAMES,
    LATENT_SIZE,
    LOOKS,
    Person,
)
from clipface_cli.synth.processes import process_pool, spread

__all__ = [
    "ATTRIBUTE_NAMES",
    "ATTRIBUTE_SIZE",
    "LATENT_NAMES",
    "LATENT_SIZE",
    "LOOKS",
    "RECIPES",
    "Canvas",
    "Person",
    "attributes_from_latents",
    "captions",
    "contact_sheet",
    "draw_expression",
    "load_texture",
    "paint",
    "person_from_latent",
    "process_pool",
    "random_units",
    "read_attributes",
    "read_people",
    "sample_attributes",
    "spread",
    "write_corpus",
    "write_dataset",
]
