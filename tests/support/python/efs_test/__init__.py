"""What the tests in Python share: how to wait, programs, processes, servers, and the worlds to run them in.

ctest puts this package's folder on PYTHONPATH; by hand `PYTHONPATH=tests/support/python python3 FILE` does. A module
is one idea, and imports nothing that takes time: `machine.enter()` starts a file anew in namespaces of its own.
"""
