"""The time of this process stands where `stop_at` says: two programs that are compared look at the same
moment, and a case ends the same way whenever it is run. Imported before all that asks for the time; nobody is
waited for."""
import datetime
import time

REAL = datetime.datetime
NOW = [0]


class OfAnyClass(type):
    """What the real class made is one, too."""
    def __instancecheck__(cls, value):
        return isinstance(value, REAL)


class Stopped(REAL, metaclass=OfAnyClass):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW[0], tz)

    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)


def stop_at(seconds):
    NOW[0] = seconds


datetime.datetime = Stopped
time.time = lambda: NOW[0]
time.sleep = lambda _: None
