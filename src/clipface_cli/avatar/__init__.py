"""Heads to edit: parameters, code, texture and history; from a file, a scan or a seed."""

from clipface_cli.avatar.blend import between, blend
from clipface_cli.avatar.regions import known_regions, region_mask
from clipface_cli.avatar.rigged import Rigged, load_head_only, load_rigged, read_textured
from clipface_cli.avatar.sampling import (
    NamedSubject,
    interpolated_subjects,
    random_subjects,
    subjects_of_codes,
)
from clipface_cli.avatar.subject import (
    Subject,
    check_codes,
    load_subject,
    sample_subject,
    save_subject,
    subject_of_code,
)

__all__ = [
    "NamedSubject",
    "Rigged",
    "Subject",
    "between",
    "blend",
    "check_codes",
    "interpolated_subjects",
    "known_regions",
    "load_head_only",
    "load_rigged",
    "load_subject",
    "random_subjects",
    "read_textured",
    "region_mask",
    "sample_subject",
    "save_subject",
    "subject_of_code",
    "subjects_of_codes",
]
