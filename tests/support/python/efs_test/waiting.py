"""How a test waits: for an event, through a time in which nothing may happen, or, by name, just so long.

The one place with time.sleep() (the tidy test sees to that). Upper limits only tell a slow machine from a fault, so a
busy one stretches them (EFS_TIME_SCALE); lower limits and the times that a behaviour needs are never stretched.
"""
import os
import time

SCALE = float(os.environ.get("EFS_TIME_SCALE", "1"))
PATIENCE = 30  # seconds that an event may take, before SCALE
WAIT = PATIENCE * SCALE  # the same for sockets and processes, which do their own waiting
EACH = 0.01  # seconds between two looks


def wait_for(what, condition, limit=PATIENCE):
    """Polls, as most things awaited (a file's content, a foreign process) tell nobody; returns what it got."""
    end = time.monotonic() + limit * SCALE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(EACH)
    raise AssertionError(f"waited {limit * SCALE:.0f} s in vain for: {what}")


def stays(what, condition, seconds):
    """The condition holds, looked at all the time, for so long: the absence of an event is what is tested."""
    began = time.monotonic()
    while True:
        passed = time.monotonic() - began
        if not condition():
            raise AssertionError(f"after {passed:.1f} s no longer: {what}")
        if passed >= seconds:
            return
        time.sleep(EACH)


def pause(why, seconds):
    """Where looking would disturb what is tested, or the time itself is the behaviour. `why` names it."""
    assert why
    time.sleep(seconds)
