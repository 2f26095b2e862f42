"""Certificates are renewed in time, by the source that the state file names, without a restart."""
import os
import socket
import subprocess
import time
import unittest

from efs_test.files import read, write
from efs_test.processes import alive
from efs_test.waiting import WAIT, stays, wait_for
from efs_test.watchdog import Mount, WatchdogBench


def stamp(age_seconds):
    return time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - age_seconds))


def openssl(*arguments, **options):
    return subprocess.run(("openssl",) + arguments, check=True, capture_output=True, text=True,
                          timeout=60, **options).stdout


class Renewal(WatchdogBench):
    def tls_mount(self, age=7200, **state):
        mount = Mount(self, "mnt.a")
        self.key = self.path("privateKey.pem")
        self.certificate = os.path.join(mount.secret_dir, "certificate.pem")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out",
                self.certificate, "-days", "1", "-subj", "/CN=old")
        mount.state.update({
            "certificate": self.certificate, "privateKey": self.key, "commonName": "new-host",
            "region": "us-east-1", "certificateCreationTime": stamp(age)})
        mount.state.update(state)
        mount.publish()
        self.set_table([mount])
        return mount

    def subject(self):
        return openssl("x509", "-in", self.certificate, "-noout", "-subject")

    def test_due_certificate_is_renewed_and_the_tunnel_told(self):
        """CERT-7: same key, new times, 0600, SIGHUP to the tunnel's group, time saved."""
        mount = self.tls_mount()
        self.start_watchdog()
        wait_for("SIGHUP", lambda: read(mount.note("hups")) == "h")
        self.assertIn("new-host", self.subject())
        self.assertEqual(os.stat(self.certificate).st_mode & 0o777, 0o600)
        self.assertEqual(openssl("x509", "-in", self.certificate, "-noout", "-pubkey"),
                         openssl("pkey", "-in", self.key, "-pubout"))
        created = mount.saved()["certificateCreationTime"]
        self.assertLess(created, stamp(-1))
        self.assertGreater(created, stamp(60))
        self.wait_log("Sending signal SIGHUP(1) to stunnel. PID: %d" % mount.process.pid)
        self.assertEqual(mount.greeting(), mount.process.pid)
        self.assertEqual(self.log().count("Renewed the certificate"), 1)

    def test_young_certificate_stays(self):
        mount = self.tls_mount(age=1800)
        self.start_watchdog()
        self.wait_log("supervising the tunnel")
        self.ask({"v": 1, "op": "ping"})
        stays("no SIGHUP", lambda: read(mount.note("hups")) == "", 1)
        self.assertIn("old", self.subject())

    def test_young_certificate_is_renewed_before_its_credentials_end(self):
        """CERT-7: the helper leaves when the credentials that signed it end (four minutes left)."""
        mount = self.tls_mount(age=1800, awsCredentialsExpiration=stamp(-240))
        self.start_watchdog()
        wait_for("SIGHUP", lambda: read(mount.note("hups")) == "h")
        self.assertIn("new-host", self.subject())
        # Without IAM nothing ends: the note must not cause the next renewal.
        self.assertNotIn("awsCredentialsExpiration", mount.saved())

    def test_missing_certificate_is_made_before_the_dead_tunnel_starts(self):
        """WD-6, CERT-7."""
        mount = self.tls_mount(age=60)
        os.unlink(self.certificate)
        mount.close_listener()
        os.kill(mount.process.pid, 9)
        mount.process.wait()
        self.start_watchdog()
        self.wait_log("Cannot restart stunnel because self-signed certificate at")
        wait_for("the new tunnel", lambda: len(mount.starts()) == 2)
        self.assertIn("new-host", self.subject())

    def in_home(self, credentials):
        """A wrapper in which root lives elsewhere (CRED-5: the password file's home)."""
        home = self.path("home", ".aws")
        os.makedirs(home)
        if credentials:
            write(os.path.join(home, "credentials"), credentials)
        users = self.path("passwd")
        write(users, "root:x:0:0:root:%s:/bin/sh\n" % self.path("home"))
        return ["unshare", "-m", "/bin/sh", "-c",
                'mount --bind %s /etc/passwd && exec "$@"' % users, "sh"]

    def test_iam_certificate_is_signed_with_the_profile_of_the_state_file(self):
        """CRED-10, CERT-3."""
        mount = self.tls_mount(awsCredentialsMethod="credentials:other",
                               accessPoint="fsap-0123456789abcdef0")
        wrapper = self.in_home("[default]\naws_access_key_id = AKIDDEFAULT\n"
                               "aws_secret_access_key = x\n[other]\n"
                               "aws_access_key_id = AKIDOTHER\naws_secret_access_key = y\n")
        self.start_watchdog(wrapper=wrapper)
        wait_for("SIGHUP", lambda: read(mount.note("hups")) == "h")
        with open(self.certificate, "rb") as file:
            der = subprocess.run(["openssl", "x509", "-outform", "DER"], input=file.read(),
                                 stdout=subprocess.PIPE, check=True).stdout
        self.assertIn(b"AKIDOTHER", der)
        self.assertNotIn(b"AKIDDEFAULT", der)
        self.assertIn(b"fsap-0123456789abcdef0", der)

    def test_failed_renewal_keeps_the_old_certificate_and_is_told_once(self):
        """WD-14 FIX: no retry each second; the loop serves on meanwhile."""
        mount = self.tls_mount(awsCredentialsMethod="credentials:default")
        self.start_watchdog(wrapper=self.in_home(None))
        self.wait_log("Failed to retrieve AWS security credentials using lookup method")
        self.wait_log("Cannot recreate self-signed certificate")
        stays("one line about it", lambda: self.log().count("Cannot recreate self-signed certificate") == 1, 3)
        self.assertIn("old", self.subject())
        self.assertEqual(mount.greeting(), mount.process.pid)

    def test_malformed_access_point_is_refused(self):
        mount = self.tls_mount(accessPoint="fsap-../../x")
        self.start_watchdog()
        self.wait_log("has been changed in the state file to a malformed format")
        self.assertIn("old", self.subject())
        self.assertTrue(alive(mount.process.pid))

    def test_silent_credential_endpoint_does_not_hold_up_the_loop(self):
        """Nothing blocks: a tunnel is replaced while a renewal waits for the network, which STS may take for longest."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        silent.settimeout(WAIT)
        write(self.path("token"), "head.pay.sign")
        mount = self.tls_mount(awsCredentialsMethod="webidentity:arn:aws:iam::123456789012:role/x,%s" % self.path("token"))
        self.start_watchdog(AWS_ENDPOINT_URL_STS="http://127.0.0.1:%d" % silent.getsockname()[1])
        for _ in range(5):
            connection = silent.accept()[0]
            self.addCleanup(connection.close)
            mount.kill_tunnel()
            self.assertNotEqual(mount.greeting(), mount.starts()[-2][0])
            # Else it may have been served behind a renewal that had given up: it asks again, and so do we.
            if self.still_waits(connection):
                for end in (silent, connection):
                    end.close()  # the renewal need not wait on
                return
        self.fail("no tunnel was replaced while a renewal waited")

    @staticmethod
    def still_waits(connection):
        """Whoever asks has not given up: there is a question, and no end behind it."""
        connection.setblocking(False)
        try:
            while connection.recv(65536):
                pass
        except BlockingIOError:
            return True
        except ConnectionError:
            pass
        return False


if __name__ == "__main__":
    unittest.main()
