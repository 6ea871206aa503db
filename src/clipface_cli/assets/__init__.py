"""Embedded and imported assets: finding them, importing foreign files, reading either as arrays."""

from clipface_cli.assets.embedded import builtin
from clipface_cli.assets.file_format import FileFormat, file_format, header_of, own_format
from clipface_cli.assets.importer import (
    Asset,
    data_hash,
    find_asset,
    import_asset,
    imported,
    locate_asset,
    read_asset,
    read_imported,
    verify,
)
from clipface_cli.assets.registry import ENTRIES, Entry, home
from clipface_cli.budget import Refused

__all__ = [
    "ENTRIES",
    "Asset",
    "Entry",
    "FileFormat",
    "Refused",
    "builtin",
    "data_hash",
    "file_format",
    "find_asset",
    "header_of",
    "home",
    "import_asset",
    "imported",
    "locate_asset",
    "own_format",
    "read_asset",
    "read_imported",
    "verify",
]
