"""Time whole commands, each in a process of its own: a table beside the numbers in baseline.json.

Medians of wall time, processor time and peak memory, after a first run that may compile kernels.
`--save FILE` writes them as the next baseline.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASELINE = Path(__file__).with_name("baseline.json")
MAIN = "from clipface_cli.cli import main; main()"
SAMPLE = "sample -n 1 --seed 7 -o heads --force"
COMMANDS = {
    "edit --help": "edit --help",
    "sample -n 1": SAMPLE,
    "export, GLB": "export heads/000.obj --format glb -o head.glb --force",
    "edit --steps 0": "edit heads/000.obj -p zombie --steps 0 -o zero --force",
    "edit": "edit heads/000.obj -p zombie -o zombie --force",
    "edit, no sidecar": "edit bare/000.obj -p zombie --steps 0 -o bare-zombie --force",
    "animate, 2 steps": "animate laugh --mesh heads/000.obj -p zombie --steps 2 -o film --force",
}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=list(COMMANDS), help="these commands alone")
    parser.add_argument("--save", type=Path, metavar="FILE")
    parser.add_argument("--baseline", type=Path, default=BASELINE)
    options = parser.parse_args()
    before = json.loads(options.baseline.read_text()) if options.baseline.is_file() else {}
    print(f"{machine()}; baseline on {before.get('machine', 'no machine')}")
    print(f"{'':20} {'wall s':>8} {'cpu s':>8} {'MiB':>6}  as fast as the baseline")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        for name in options.only or COMMANDS:
            runs = [measured(COMMANDS[name], folder) for _ in range(options.repeats + 1)][1:]
            wall, cpu, memory = (statistics.median(part) for part in zip(*runs, strict=True))
            found[name] = {"wall": round(wall, 3), "cpu": round(cpu, 3), "MiB": round(memory)}
            then = before.get("commands", {}).get(name)
            ratio = f"{then['wall'] / wall:.2f} x" if then else ""
            print(f"{name:20} {wall:8.2f} {cpu:8.2f} {memory:6.0f}  {ratio}", flush=True)
    if options.save:
        facts = {"machine": machine(), "commands": found}
        options.save.write_text(json.dumps(facts, indent=1) + "\n")


def machine() -> str:
    """What the numbers depend on."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def prepare(folder: Path) -> None:
    """A sampled head, and one without its sidecar."""
    measured(SAMPLE, str(folder))
    (folder / "bare").mkdir()
    for end in ("obj", "mtl", "png"):
        (folder / f"bare/000.{end}").write_bytes((folder / f"heads/000.{end}").read_bytes())


def measured(command: str, folder: str) -> tuple[float, float, float]:
    """Seconds of wall and processor time, and megabytes at the peak."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *command.split()],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"clipface {command} ended with {process.returncode}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
