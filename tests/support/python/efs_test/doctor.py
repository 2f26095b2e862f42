"""A machine whose mounts efsctl doctor examines: that of mount_helper.py, with all programs installed."""
import glob
import json
import os

from efs_test.mount_helper import HelperBench, KEY
from efs_test.processes import listening_ports
from efs_test.programs import program, run
from efs_test.waiting import SCALE, Stopwatch

LIMIT = 10  # seconds that the doctor may take, whatever is silent
INSTALLED = ("amazon-efs-mount-watchdog", "efs-log-writer", "efsctl")


class DoctorBench(HelperBench):
    @classmethod
    def setUpClass(cls):
        # What the doctor leaves there is its own, whoever else is at work on this machine.
        run("mount", "-t", "tmpfs", "tmpfs", "/tmp")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        for name in INSTALLED:
            if not os.path.lexists(f"{self.programs}/{name}"):
                os.symlink(program(name), f"{self.programs}/{name}")
        with open("/etc/fstab", "w", encoding="ascii") as out:
            out.write("# none\n")
        # As on a host that has mounted before; making one takes seconds on a busy machine.
        if not os.path.exists(KEY):
            run("openssl", "genrsa", "-out", KEY, "3072")

    def doctor(self, *words, **env):
        """Its JSON; whatever it says, it ends in time and leaves nothing behind."""
        self.ports = listening_ports()
        had_key = os.path.exists(KEY)
        watch = Stopwatch()
        done = run(program("efsctl"), "doctor", "--json", *words, check=False,
                   env={"PATH": f"{self.programs}:/usr/bin:/bin", **env})
        self.took = watch.own()
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        self.answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if self.answer["verdict"] == "fail" else 0)
        self.assertLess(self.took, LIMIT * SCALE)
        self.assertEqual(glob.glob("/tmp/efsctl-doctor-*"), [])
        self.assertEqual(os.path.exists(KEY), had_key)
        self.assertNothingLeft()
        return self.answer

    def steps(self, verdict):
        return [finding["step"] for finding in self.answer["findings"] if finding["verdict"] == verdict]

    def assertCause(self, step, *words):
        cause = self.answer["cause"]
        self.assertIsNotNone(cause, self.answer)
        self.assertEqual(cause["step"], step, cause)
        for word in words:
            self.assertIn(word, f"{cause['seen']} -> {cause['todo']}")
        self.assertTrue(cause["todo"], cause)

    def assertWell(self):
        self.assertEqual(self.answer["verdict"], "pass",
                         [f for f in self.answer["findings"] if f["verdict"] in ("warn", "fail")])
