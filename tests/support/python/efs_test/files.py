"""Files that other processes write, and that they read while we write."""
import os


def read(path):
    """Its text; "" while there is no such file, as what is awaited is not in there either."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def write(path, text, mode=0o600):
    """At once, as the product does: a reader sees the old file or the new one."""
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, mode)
    os.rename(temporary, path)
