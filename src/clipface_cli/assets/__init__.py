"""Embedded and external assets: where they lie, what they are, how foreign files are read."""

from clipface_cli.assets._limits import Refused
from clipface_cli.assets.embedded import builtin
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

__all__ = [
    "ENTRIES",
    "Asset",
    "Entry",
    "Refused",
    "builtin",
    "data_hash",
    "find_asset",
    "home",
    "import_asset",
    "imported",
    "locate_asset",
    "read_asset",
    "read_imported",
    "verify",
]
