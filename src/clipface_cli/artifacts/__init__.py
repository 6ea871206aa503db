"""Files of the tool: meshes, images, sidecars, contact sheets, run records."""

from clipface_cli.artifacts.enlarge import enlarge
from clipface_cli.artifacts.files import claim_file, claim_folder, replacing, slug, write_text
from clipface_cli.artifacts.glb import rig_bytes, write_glb, write_rig
from clipface_cli.artifacts.images import (
    Pixels,
    decode_pixels,
    from_pixels,
    load_image,
    load_pixels,
    png_bytes,
    save_image,
    to_pixels,
)
from clipface_cli.artifacts.mesh import Mesh, turned
from clipface_cli.artifacts.obj import read_geometry, read_obj, write_obj
from clipface_cli.artifacts.ply import write_ply
from clipface_cli.artifacts.quantised import quantised, restored
from clipface_cli.artifacts.rig import Joint, Motion, Part, Rig
from clipface_cli.artifacts.run_record import RunRecord, file_hash
from clipface_cli.artifacts.sheet import before_after, captioned_sheet, contact_sheet
from clipface_cli.artifacts.sidecar import Sidecar, read_sidecar, sidecar_path, write_sidecar
from clipface_cli.artifacts.stl import write_stl
from clipface_cli.artifacts.tensors import read_tensors, write_tensors
from clipface_cli.artifacts.toml import read_toml
from clipface_cli.artifacts.video import write_video
from clipface_cli.artifacts.viewer_page import Shown, page_file, scene_json, write_page
from clipface_cli.artifacts.viewer_server import FILES, Resource, ViewerServer

__all__ = [
    "FILES",
    "Joint",
    "Mesh",
    "Motion",
    "Part",
    "Pixels",
    "Resource",
    "Rig",
    "RunRecord",
    "Shown",
    "Sidecar",
    "ViewerServer",
    "before_after",
    "captioned_sheet",
    "claim_file",
    "claim_folder",
    "contact_sheet",
    "decode_pixels",
    "enlarge",
    "file_hash",
    "from_pixels",
    "load_image",
    "load_pixels",
    "page_file",
    "png_bytes",
    "quantised",
    "read_geometry",
    "read_obj",
    "read_sidecar",
    "read_tensors",
    "read_toml",
    "replacing",
    "restored",
    "rig_bytes",
    "save_image",
    "scene_json",
    "sidecar_path",
    "slug",
    "to_pixels",
    "turned",
    "write_glb",
    "write_obj",
    "write_page",
    "write_ply",
    "write_rig",
    "write_sidecar",
    "write_stl",
    "write_tensors",
    "write_text",
    "write_video",
]
