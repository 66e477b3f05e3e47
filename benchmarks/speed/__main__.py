"""All tables of speed, one after the other: ``python -m benchmarks.speed [--output FILE]``.

Each section is a command of its own, which can be run alone. The tables go to the terminal as they
are made, and to FILE as Markdown at the end; a section that fails is named there, and does not stop
the others. The extra `jax` is needed for gradients, the network once for the environments of other
projects. It takes hours on a small machine: choose sections by name to take fewer.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.speed.fits import SET_HERE

SECTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "startup": ("The start of the command", ("startup",)),
    "fits": ("Whole processes against NumPyro, PyMC and nutpie", ("fits", "--environments", "{}")),
    "gradients": ("Value and gradient against JAX and NumPy by hand", ("gradients",)),
    "long": ("How gradients grow with the data", ("gradients", "--long")),
    "rewrites": ("Rewrites against NumPy by hand", ("rewrites",)),
    "elimination": ("Discrete latents summed out", ("elimination",)),
    "linear": ("A million rows from files, against one QR", ("linear",)),
    "memory": ("Peak memory over the size of the data", ("memory",)),
    "factor_analysis": ("Minibatches against the closed form", ("factor_analysis", "{}")),
    "vae": ("A variational autoencoder against NumPyro", ("vae", "--environments", "{}")),
}
"""Section → its title and command; the folder of the environments stands for the braces."""


def printed(words: list[str]) -> tuple[str, int]:
    """Run a module, hand its lines on as they come, and return them with its exit status."""
    environment = {k: v for k, v in os.environ.items() if k not in SET_HERE}
    run = [sys.executable, "-m", *words]
    lines = []
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return "".join(lines), process.returncode


def main(words: list[str]) -> int:
    """Run the sections; 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    kept = Path.home() / ".cache" / "ppl-benchmarks"
    parser.add_argument("--environments", type=Path, default=kept, metavar="FOLDER")
    parser.add_argument("--output", type=Path, metavar="FILE")
    chosen = parser.parse_args(words)
    unknown = [name for name in chosen.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    text, failed = [], False
    for name in chosen.sections or list(SECTIONS):
        title, (module, *rest) = SECTIONS[name]
        command = [f"benchmarks.speed.{module}", *(w.format(chosen.environments) for w in rest)]
        head = f"## {title}\n\n`python -m {' '.join([command[0], *rest])}`\n"
        print(head, flush=True)
        table, status = printed(command)
        failed |= status != 0
        text.append(f"{head}\n{table}" + (f"\n(ended with status {status})\n" if status else ""))
    if chosen.output is not None:
        unfinished = chosen.output.with_name(chosen.output.name + ".part")
        unfinished.write_text("\n".join(text), encoding="utf-8")
        unfinished.replace(chosen.output)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
