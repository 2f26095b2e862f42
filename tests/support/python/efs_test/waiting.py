"""How a test waits: for an event, through a time in which nothing may happen, or, by name, just so long.

The one place with time.sleep() (the tidy test sees to that). Upper limits only tell a slow machine from a fault, so a
busy one stretches them: by itself (Stopwatch), and EFS_TIME_SCALE where that is not enough; lower limits and the times
that a behaviour needs are never stretched.
"""
import os
import time

SCALE = float(os.environ.get("EFS_TIME_SCALE", "1"))
PATIENCE = 30  # seconds that an event may take, before SCALE
WAIT = PATIENCE * SCALE  # the same for sockets and processes, which do their own waiting
EACH = 0.01  # seconds between two looks
MOST = 4  # times its limit that an event is waited for, however busy the machine is


def stalled():
    """Seconds, since some moment, in which something here wanted a processor or a disk and had to wait for it: "some" of
    the kernel's pressure stall information. 0 where the kernel does not tell."""
    total = 0
    for what in ("cpu", "io"):
        try:
            with open(f"/proc/pressure/{what}", encoding="ascii") as file:
                total += int(file.readline().rsplit("total=", 1)[1])
        except OSError:
            pass
    return total / 1e6


class Stopwatch:
    """How long something takes by itself. While others hold the processors that it needs nothing is learned about it, so
    that time does not count: on an idle machine this is a clock, on a busy one it is slow and never fast."""

    def __init__(self):
        self.began, self.stalls = time.monotonic(), stalled()

    def passed(self):
        """By the clock."""
        return time.monotonic() - self.began

    def own(self):
        return max(0.0, self.passed() - (stalled() - self.stalls))

    def over(self, limit):
        """Whether so many seconds are over for it, or MOST times as many for everybody."""
        return self.passed() >= limit and (self.own() >= limit or self.passed() >= MOST * limit)


def wait_for(what, condition, limit=PATIENCE):
    """Polls, as most things awaited (a file's content, a foreign process) tell nobody; returns what it got."""
    watch = Stopwatch()
    while True:
        late = watch.over(limit * SCALE)
        value = condition()
        if value:
            return value
        if late:
            raise AssertionError(f"waited {watch.passed():.0f} s in vain ({watch.own():.0f} s of them undisturbed) for: {what}")
        time.sleep(EACH)


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
