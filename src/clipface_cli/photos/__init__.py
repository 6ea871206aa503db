"""Photos to head parameters: encoders, parsers, and the data set they fill."""

from clipface_cli.photos.registry import Encoder, Parser, load_encoder, load_parser

__all__ = ["Encoder", "Parser", "load_encoder", "load_parser"]
