"""The programs that are measured."""

import os
import subprocess

ROOT = os.path.realpath(f"{os.path.dirname(os.path.realpath(__file__))}/../..")
TARGET = os.environ.get("CARGO_TARGET_DIR", f"{ROOT}/target")


def build(pgherd):
    """Builds pgherd, unless one is given, and the relays. Returns the paths of both programs."""
    def cargo(*what):
        subprocess.run(["cargo", "build", "--quiet", "--release", *what], check=True, cwd=ROOT)

    if pgherd is None:
        cargo("--package", "pgherd", "--bin", "pgherd")
        pgherd = f"{TARGET}/release/pgherd"
    cargo("--manifest-path", "bench/floor/Cargo.toml", "--target-dir", f"{TARGET}/floor")
    return pgherd, f"{TARGET}/floor/release/floor"
