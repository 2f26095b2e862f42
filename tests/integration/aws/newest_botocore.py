"""The Python whose botocore is the oracle: the newest one, pinned, in a virtual environment that is
made here; Debian's where none can be had."""
import fcntl
import os
import shutil
import subprocess
import sys

PINNED = "botocore==1.44.8"
SECONDS = 300


def version_of(python):
    done = subprocess.run([python, "-c", "import botocore; print(botocore.__version__)"],
                          capture_output=True, text=True, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""


def number(version):
    return [int(part) for part in version.split(".")] if version else []


def installed(folder):
    """The environment's Python; None where the package cannot be had."""
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(python):
        return python
    made = folder + ".new"
    shutil.rmtree(made, ignore_errors=True)
    steps = [[sys.executable, "-m", "venv", made],
             [os.path.join(made, "bin", "python"), "-m", "pip", "install", "--quiet", PINNED]]
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{' '.join(step)}: no end after {SECONDS} s", file=sys.stderr)
            return None
        if done.returncode != 0:
            print(f"{' '.join(step)}: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return None
    os.rename(made, folder)  # its scripts name the old place; none of them is used
    return python


def newest_python():
    """$EFS_BOTOCORE_PYTHON, or the best of: pinned, python3 on PATH, Debian's."""
    named = os.environ.get("EFS_BOTOCORE_PYTHON")
    if named:
        return named
    folder = os.path.join(os.path.dirname(os.environ["EFS_BIN"]), PINNED.replace("==", "-"))
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pinned = installed(folder)
    if pinned and version_of(pinned):
        return pinned
    others = [python for python in ("python3", "/usr/bin/python3") if shutil.which(python)]
    return max(others, key=lambda python: number(version_of(python)))
