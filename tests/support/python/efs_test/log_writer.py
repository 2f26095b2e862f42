"""The writer of log lines of one state directory (efs-log-writer)."""
import os

from efs_test.files import read
from efs_test.processes import alive


def writer_pid(state):
    text = read(os.path.join(state, "log-writer.lock")).strip()
    return int(text) if text and alive(text) else None
