"""Environments with other projects in them, made once and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "numpyro": ("numpyro", "jax"),
    "pymc": ("pymc", "pymc-extras", "nutpie", "numba"),
}


def interpreter(name: str, folder: Path) -> Path:
    """Return the Python of an environment; make it, if it is not there."""
    place = folder / name
    python = place / "bin" / "python"
    ready = place / "ready"
    if not ready.exists():
        print(f"making an environment with {', '.join(PACKAGES[name])}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES[name]], check=True)
        ready.touch()
    return python
