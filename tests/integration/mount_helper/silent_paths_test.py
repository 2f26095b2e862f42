#!/usr/bin/python3
"""Paths of the user's whose file system does not answer: whatever mount.efs, umount.efs and efsctl look
at, they end in time and name the path, and a signal ends them at once.

Contract: EX-1.
"""
import json
import os
import signal
import subprocess
import unittest

from efs_test import machine, mount_helper
from efs_test.doctor import DoctorBench
from efs_test.files import read
from efs_test.machine import CONFIG
from efs_test.mount_helper import MOUNTPOINT, STATE
from efs_test.programs import program, run
from efs_test.silent_place import SilentPlace, available
from efs_test.waiting import SCALE, Stopwatch, wait_for

mount_helper.enter()

PLACE = "/run/silent"
IN_TIME = 25  # of the slowest: two questions of ten seconds


@unittest.skipUnless(available(), "no /dev/fuse")
class SilentPaths(DoctorBench):
    def setUp(self):
        super().setUp()
        self.place = None
        self.silent(PLACE)

    def silent(self, path):
        if self.place:
            self.place.end()
        self.place = SilentPlace(path)

    def tearDown(self):
        self.place.end()
        super().tearDown()

    def begin(self, name, *words, **env):
        os.makedirs(MOUNTPOINT, exist_ok=True)
        return subprocess.Popen(
            [program(name), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True, env={"PATH": f"{self.programs}:/usr/bin:/bin", **env}, start_new_session=True)

    def mounts(self):
        """(what is silent, how mount.efs is led there)"""
        device = f"{self.fs}:/"

        def mount(options="tls", mountpoint=MOUNTPOINT, **env):
            return lambda: self.begin("mount.efs", device, mountpoint, "-o", options, **env)

        yield f"{PLACE}/there", mount(mountpoint=f"{PLACE}/there")
        yield f"{PLACE}/a/b/c", mount(mountpoint=f"{PLACE}/a/b/c")
        yield f"{PLACE}/ca.pem", mount(f"tls,cafile={PLACE}/ca.pem")
        yield f"{PLACE}/net", mount(f"tls,netns={PLACE}/net")
        yield f"{PLACE}/team", mount("tls,iam,awsprofile=team", AWS_SHARED_CREDENTIALS_FILE=f"{PLACE}/team")
        yield f"{PLACE}/team", mount("tls,iam", AWS_CONFIG_FILE=f"{PLACE}/team")
        yield f"{PLACE}/token", mount("tls,iam,rolearn=arn:aws:iam::123456789012:role/x,"
                                      f"jwtpath={PLACE}/token")
        yield f"{PLACE}/token", mount(
            "tls,iam", AWS_WEB_IDENTITY_TOKEN_FILE=f"{PLACE}/token",
            AWS_ROLE_ARN="arn:aws:iam::123456789012:role/x", AWS_ROLE_SESSION_NAME="x")
        yield f"{PLACE}/token", mount(
            "tls,iam", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1/credentials",
            AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=f"{PLACE}/token")
        yield f"{PLACE}/.aws/credentials", self.at_home(mount("tls,iam"))

    def at_home(self, start):
        """The home of the user database counts (CRED-5), not $HOME; it stays there to the end of the test."""
        def begin():
            users = read("/etc/passwd")
            self.addCleanup(self.write_users, users)
            self.write_users(users.replace(":/root:", f":{PLACE}:"))
            return start()
        return begin

    @staticmethod
    def write_users(text):
        with open("/etc/passwd", "w", encoding="utf-8") as out:
            out.write(text)

    def end_by(self, process, signo):
        process.send_signal(signo)
        try:
            self.finish(process, 5)
        except subprocess.TimeoutExpired:
            process.kill()
            self.finish(process)
            self.fail(f"signal {signo} did not end it: {self.err}")
        self.assertLess(self.took, 2.5 * SCALE)

    def in_time(self, process):
        try:
            self.finish(process, IN_TIME)
        except subprocess.TimeoutExpired:
            process.kill()
            self.finish(process)
            self.fail(f"it hangs: {self.err}")
        return self.code

    def waits_there(self, process):
        """It, or a child of its, asks the silent file system."""
        def waits():
            for pid in (process.pid, *self.children(process.pid)):
                try:
                    with open(f"/proc/{pid}/wchan", encoding="ascii") as channel:
                        if "fuse" in channel.read() or "request_wait" in channel.read():
                            return True
                except OSError:
                    pass
            return process.poll() is not None
        return waits

    @staticmethod
    def children(pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                return [int(word) for word in file.read().split()]
        except OSError:
            return []

    def test_a_mount_ends_and_names_the_path(self):
        *at_once, at_home = self.mounts()
        for group in at_once, [at_home]:
            # All wait at the same time.
            for path, helper in [(path, start()) for path, start in group]:
                with self.subTest(path=path):
                    self.assertIn(self.in_time(helper), (1, 32), self.err)
                    self.assertIn(path, self.err)
                    self.assertTrue("not answer" in self.err or "timed out" in self.err, self.err)
        self.assertNothingLeft()

    def test_a_signal_ends_a_mount(self):
        for path, start in self.mounts():
            with self.subTest(path=path):
                helper = start()
                wait_for("its look at the silent place", self.waits_there(helper))
                self.end_by(helper, signal.SIGTERM)
                self.assertIn("interrupted by signal 15", self.err)
                self.assertNothingLeft()

    def test_the_configuration(self):
        self.silent("/etc/amazon/efs")
        self.assertEqual(self.in_time(self.begin("mount.efs", f"{self.fs}:/", MOUNTPOINT, "-o", "tls")), 1)
        self.assertIn(f"{CONFIG} does not answer", self.err)
        helper = self.begin("mount.efs", f"{self.fs}:/", MOUNTPOINT, "-o", "tls")
        wait_for("its look", self.waits_there(helper))
        self.end_by(helper, signal.SIGINT)

    def test_a_pipe_as_configuration(self):
        os.unlink(CONFIG)
        os.mkfifo(CONFIG)
        self.addCleanup(os.unlink, CONFIG)
        self.assertEqual(self.in_time(self.begin("mount.efs", f"{self.fs}:/", MOUNTPOINT, "-o", "tls")), 1)
        self.assertIn(f"{CONFIG} is a pipe", self.err)

    def test_the_state_directory(self):
        self.silent(STATE)
        self.assertEqual(self.in_time(self.begin("mount.efs", f"{self.fs}:/", MOUNTPOINT, "-o", "tls")), 1)
        self.assertIn("/efs does not answer", self.err)
        self.assertEqual(self.in_time(self.begin("umount.efs", MOUNTPOINT)), 32)
        self.assertIn("not mounted", self.err)
        self.assertEqual(self.in_time(self.begin("efsctl", "status")), 2)
        self.assertIn("/efs/ does not answer", self.err)
        self.end_state()

    def end_state(self):
        self.place.end()
        self.place = SilentPlace(PLACE + "2")

    def test_umount_of_a_path_that_does_not_answer(self):
        for target in (f"{PLACE}/there", PLACE):
            with self.subTest(target=target):
                self.assertEqual(self.in_time(self.begin("umount.efs", target)), 32)
                umount = self.begin("umount.efs", f"{PLACE}/there")
                wait_for("its look", self.waits_there(umount))
                self.end_by(umount, signal.SIGTERM)
        self.assertEqual(self.in_time(self.begin("umount.efs", MOUNTPOINT, "-N", f"{PLACE}/mnt")), 32)
        self.assertIn(f"{PLACE}/mnt does not answer", self.err)

    def test_umount_with_a_silent_configuration(self):
        self.silent("/etc/amazon/efs")
        self.assertEqual(self.in_time(self.begin("umount.efs", MOUNTPOINT)), 32)
        self.assertIn("not mounted", self.err)

    def test_authorities_of_requests(self):
        process = self.begin("mount.efs", f"{self.fs}:/", MOUNTPOINT, "-o", "tls,iam,region=us-east-1,"
                             f"rolearn=arn:aws:iam::123456789012:role/x,jwtpath={self.token()}",
                             AWS_CA_BUNDLE=f"{PLACE}/ca.pem")
        self.assertEqual(self.in_time(process), 1)
        self.assertIn(f"{PLACE}/ca.pem does not answer", self.err)

    @staticmethod
    def token():
        with open("/run/jwt", "w", encoding="ascii") as out:
            out.write("web")
        return "/run/jwt"

    def test_a_log_that_mount_efs_writes_itself(self):
        machine.write_config(log_writer="own")
        self.silent("/var/log/amazon/efs")
        self.in_time(self.begin("mount.efs", f"{self.fs}:/", MOUNTPOINT, "-o", "tls"))
        self.assertReachedMount()
        self.assertIn("mount.log does not answer", self.err)

    def test_a_program_for_credentials(self):
        with open("/run/aws-config", "w", encoding="ascii") as out:
            out.write(f"[profile team]\ncredential_process = {PLACE}/bin/credentials --json\n"
                      "[profile path]\ncredential_process = credentials-of-the-team\n")
        for profile, words in (("team", f"{PLACE}/bin/credentials"), ("path", "credentials-of-the-team")):
            with self.subTest(profile=profile):
                mount = [f"{self.fs}:/", MOUNTPOINT, "-o", f"tls,iam,awsprofile={profile}"]
                env = {"AWS_CONFIG_FILE": out.name, "PATH": f"{self.programs}:{PLACE}/bin:/bin"}
                self.assertEqual(self.in_time(self.begin("mount.efs", *mount, **env)), 1)
                self.assertIn(words, self.err)
                helper = self.begin("mount.efs", *mount, **env)
                wait_for("its look", self.waits_there(helper))
                self.end_by(helper, signal.SIGTERM)
                self.assertNothingLeft()

    def test_explain(self):
        for words in ((f"{PLACE}/ca.pem", ("-o", f"tls,cafile={PLACE}/ca.pem")),
                      (f"{PLACE}/conf", ("--config", f"{PLACE}/conf"))):
            with self.subTest(path=words[0]):
                self.assertEqual(
                    self.in_time(self.begin("efsctl", "explain", *words[1], f"{self.fs}:/", MOUNTPOINT)), 2)
                self.assertIn(f"{words[0]} does not answer", self.err)

    def test_files_of_metrics_and_config(self):
        self.assertEqual(self.in_time(self.begin("efsctl", "metrics", "--textfile", f"{PLACE}/efs.prom")), 2)
        self.assertIn(f"{PLACE}/efs.prom does not answer", self.err)
        self.assertEqual(self.in_time(self.begin("efsctl", "config", "--config", f"{PLACE}/conf")), 2)
        self.assertIn(f"{PLACE}/conf does not answer", self.err)

    def test_the_doctor_names_what_is_silent(self):
        self.doctor("--fstab", f"{PLACE}/fstab")
        self.assertIn("fstab", str(self.answer))
        self.silent("/etc/amazon/efs")
        watch = Stopwatch()
        done = run(program("efsctl"), "doctor", "--json", check=False, env={"PATH": f"{self.programs}:/bin"})
        self.assertLess(watch.own(), 10 * SCALE)
        self.assertIn(f"{CONFIG} does not answer", json.loads(done.stdout)["cause"]["seen"])

    def test_a_bundle_is_written_without_the_silent_log(self):
        self.silent("/var/log/amazon/efs")
        done = self.begin("efsctl", "doctor", "--json", "--bundle", "/run/bundle.tar.gz")
        self.assertIn(self.in_time(done), (0, 1), self.err)
        self.assertTrue(os.path.exists("/run/bundle.tar.gz"))


if __name__ == "__main__":
    unittest.main()
