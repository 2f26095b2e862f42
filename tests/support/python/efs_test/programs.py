"""Where the programs under test and the source tree are, and how to run another program."""
import os
import pathlib
import subprocess

SOURCE = pathlib.Path(os.environ.get("EFS_SOURCE", pathlib.Path(__file__).resolve().parents[4]))
BIN = os.path.abspath(os.environ.get("EFS_BIN", SOURCE / "build/dev/bin"))


def program(name):
    return os.path.join(BIN, name)


def run(*argv, timeout=100, check=True, **options):
    """Its outputs are text; a failure raises and shows them."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, errors="replace",
                          timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done
