"""Photos to head parameters: faces, landmarks, encoders, parsers, and the data set they fill."""

from clipface_cli.photos.detect import Detection, detect_faces
from clipface_cli.photos.encoder import Encoded, Encoder
from clipface_cli.photos.landmarks import Face, find_faces
from clipface_cli.photos.registry import Parser, load_encoder, load_parser

__all__ = [
    "Detection",
    "Encoded",
    "Encoder",
    "Face",
    "Parser",
    "detect_faces",
    "find_faces",
    "load_encoder",
    "load_parser",
]
