"""`clipface preprocess`: photos a second with filters on and off, growth with the number of photos,
memory, and datasets after kills against an uninterrupted one; as JSON.

The photos are variations of scikit-image's astronaut (public domain), 512 x 512 JPEG.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

COMMAND = Path(sys.executable).with_name("clipface")


def make_photos(folder: Path, count: int) -> None:
    """Faces of many sizes, places and exposures."""
    from skimage.data import astronaut

    picture, draw = Image.fromarray(astronaut()), np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        side = int(draw.integers(220, 340))
        left, top = draw.integers(60, 170), draw.integers(0, 30)
        box = (left, top, left + side, top + side)
        photo = np.asarray(picture.resize((512, 512), Image.Resampling.LANCZOS, box), np.float32)
        photo = (photo * draw.uniform(0.7, 1.1, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(photo).save(folder / f"{index:06d}.jpg", quality=92)


def processes(parent: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [parent]
    for pid in found:
        found += children.get(pid, [])
    return found


def memory(parent: int) -> float:
    """Megabytes of a process and its descendants, shared pages counted once."""
    total = 0.0
    for pid in processes(parent):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return total


def run(photos: Path, output: Path, workers: int, *options: str) -> dict[str, float]:
    """One run into a fresh folder: seconds, photos a second without the start-up, megabytes."""
    shutil.rmtree(output, ignore_errors=True)
    arguments = [str(COMMAND), "preprocess", str(photos), "-o", str(output)]
    start, peak = time.perf_counter(), [0.0]
    process = subprocess.Popen(
        [*arguments, "--workers", str(workers), *options], stderr=subprocess.PIPE, text=True
    )

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], memory(process.pid))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    errors = process.communicate()[1]
    watcher.join()
    if process.returncode:
        raise SystemExit(errors)
    record = json.loads((output / "run.json").read_text())
    steady = record["results"]["photos"] / record["seconds"]["photos"]
    return {
        "seconds": time.perf_counter() - start,
        "photos_per_second": steady,
        "images": record["results"]["images"],
        "megabytes": peak[0],
    }


def content(folder: Path) -> dict[str, bytes]:
    """All files but the record of the run, which tells times."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def killed(photos: Path, output: Path, workers: int, times: int, seconds: float) -> bool:
    """Kill a run at random moments within `seconds`, finish it; whether the files are the same."""
    draw, whole = random.Random(0), output.with_name("whole")
    run(photos, whole, workers)
    shutil.rmtree(output, ignore_errors=True)
    command = [str(COMMAND), "preprocess", str(photos), "-o", str(output), "--workers"]
    for _ in range(times):
        process = subprocess.Popen([*command, str(workers)], stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.5, seconds))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([*command, str(workers)], check=True, stderr=subprocess.DEVNULL)
    return content(output) == content(whole)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200, help="of the smaller folder")
    parser.add_argument("--growth", type=int, default=4, help="the larger folder's, times")
    parser.add_argument("--kills", type=int, default=0, help="kill a run so often, and compare")
    parser.add_argument("--kill-within", type=float, default=15, help="seconds")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark-photos"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/photos.json"))
    options = parser.parse_args()
    small, large = options.work / "small", options.work / "large"
    make_photos(small, options.photos)
    facts: dict[str, object] = {"workers": options.workers, "photos": options.photos}
    if options.kills:
        same = killed(
            small, options.work / "out", options.workers, options.kills, options.kill_within
        )
        facts |= {"kills": options.kills, "same_bytes": same}
    else:
        make_photos(large, options.growth * options.photos)
        facts["filters_off"] = run(small, options.work / "out", options.workers, "--no-filter")
        facts["filters_on"] = first = run(small, options.work / "out", options.workers)
        facts["larger"] = second = run(large, options.work / "out", options.workers)
        rates = [one["photos_per_second"] for one in (first, second)]
        facts["growth_of_time"] = options.growth * rates[0] / rates[1]
    shutil.rmtree(options.work)
    print(json.dumps(facts, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(options.out)


if __name__ == "__main__":
    main()
