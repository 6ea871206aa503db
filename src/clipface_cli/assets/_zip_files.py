"""Bytes of zip members that are neither compressed nor encrypted, without a copy."""

from __future__ import annotations

import struct
import zipfile

from clipface_cli.assets._makers import Array
from clipface_cli.assets.file_format import ZIP
from clipface_cli.budget import Refused


def is_stored(member: zipfile.ZipInfo) -> bool:
    """Whether the member's bytes stand in the archive as they are."""
    return member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1


def stored(content: Array, member: zipfile.ZipInfo) -> Array:
    """The member's bytes as a part of the archive's `content` (N,) uint8, without a copy."""
    begin = member.header_offset
    if not 0 <= begin < len(content):
        raise Refused("its zip archive is damaged (a part lies outside of it)")
    header = content[begin : begin + 30].tobytes()
    if len(header) < 30 or not header.startswith(ZIP):
        raise Refused("its zip archive is damaged (a part is missing)")
    start = begin + 30 + sum(struct.unpack("<HH", header[26:30]))
    if start + member.file_size > len(content):
        raise Refused("its zip archive is cut off")
    return content[start : start + member.file_size]
