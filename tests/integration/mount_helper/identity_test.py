#!/usr/bin/python3
"""A renewal signs with the identity that mounted: what found its credentials is in the state file, no
secret is, and nothing of one mount's environment counts for another.

mount.efs is held in its TLS handshake and killed there: its tunnel and its state file are those of a
mount. Without systemd the first of them starts the watchdog. A second watchdog, with the environment
that the first one was given, then renews for all of them; the table of mounts is a file.

Contract: CRED-10, CSI-14, CSI-20, CERT-7.
"""
import glob
import http.server
import json
import os
import socketserver
import subprocess
import threading
import time
import unittest

from efs_test import mount_helper
from efs_test.files import read
from efs_test.machine import CONFIG, LOG
from efs_test.mount_helper import HelperBench, STATE
from efs_test.processes import end_all, processes
from efs_test.programs import program, run
from efs_test.waiting import stays, wait_for

mount_helper.enter()

TEAM = "/run/team"
SECRETS = ("hush-environment", "hush-session", "hush-container", "hush-proxy", "hush-file",
           "hush-token")
DAEMON = "/usr/local/bin/amazon-efs-mount-watchdog"
TABLE = "/run/table"
UNIT = {"PATH": "/usr/bin:/bin"}  # as systemd starts it


def keys(section, key, token=""):
    session = f"aws_session_token = {token}\n" if token else ""
    return (f"[{section}]\naws_access_key_id = {key}\naws_secret_access_key = hush-file\n"
            + session)


def environ(pid):
    with open(f"/proc/{pid}/environ", "rb") as source:
        return source.read().decode().split("\0")


class Sts(http.server.BaseHTTPRequestHandler):
    """GetCallerIdentity: keys AKIAHOME and AKIANEXT are of one user."""
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        signed = self.headers["Authorization"]
        user = "other" if "AKIAOTHER" in signed else "backup"
        text = json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": {
            "Account": "123456789012", "Arn": f"arn:aws:iam::123456789012:user/{user}"}}})
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Identity(HelperBench):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run("mount", "-t", "tmpfs", "tmpfs", "/usr/local/bin")
        os.symlink(program("amazon-efs-mount-watchdog"), DAEMON)
        cls.home = os.path.expanduser("~root")
        run("mount", "-t", "tmpfs", "tmpfs", cls.home)

    def setUp(self):
        super().setUp()
        self.helpers = []
        self.given = None  # the environment of the first watchdog
        os.makedirs(TEAM, exist_ok=True)
        for path in glob.glob(f"{TEAM}/*") + glob.glob(f"{self.home}/.aws/*"):
            os.unlink(path)
        self.home_keys(keys("backup", "AKIAHOME"))
        self.mounted, self.log_dir = {}, f"/run/log-{time.monotonic_ns()}"

    def tearDown(self):
        self.sim.ctl("tls handshake-stall off")
        for helper in self.helpers:
            helper.kill()
            helper.communicate()
        for name in ("amazon-efs-moun", "efs-proxy"):
            end_all(name)  # of this PID namespace: ours
        if not self._outcome.success:
            for path in glob.glob(f"{self.log_dir}/*") + [LOG]:
                print(read(path) if os.path.exists(path) else path)
        super().tearDown()

    def home_keys(self, text):
        os.makedirs(f"{self.home}/.aws", exist_ok=True)
        self.write(f"{self.home}/.aws/credentials", text)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, 0o600)

    def begin(self, name, options="tls,iam,awsprofile=backup", directory="/", **environment):
        """As far as the TLS handshake, which never ends; then killed. Its state as mount.efs wrote it."""
        self.sim.ctl("tls handshake-stall on")
        point = f"/run/{name}"
        os.makedirs(point, exist_ok=True)
        helper = subprocess.Popen(
            [program("mount.efs"), f"{self.fs}:/", point, "-o", options], cwd=directory,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            env={"PATH": f"{self.programs}:/usr/bin:/bin", **environment}, start_new_session=True)
        self.helpers.append(helper)

        def served():
            assert helper.poll() is None, helper.communicate()
            for path in glob.glob(f"{STATE}/~{self.fs}.run.{name}.*"):
                state = json.loads(read(path))
                if state["pid"] > 0:
                    return path, state
            return None
        path, state = wait_for("the tunnel", served)
        for pid in processes("amazon-efs-moun")[:1]:  # else it would clean up after its caller
            self.given = self.given or environ(pid)
        end_all("amazon-efs-moun")
        helper.kill()
        helper.communicate()
        self.mounted[name] = path.replace("~", "")
        self.pending = path
        return state

    def renew(self, *names, daemon=None, config="", watch=None):
        """All mounts at an age at which they are renewed, and a watchdog that does it."""
        if daemon is None:
            daemon = dict(entry.split("=", 1) for entry in self.given if entry)
        lines = ["22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw"]
        for number, name in enumerate(names or self.mounted):
            path = self.mounted[name]
            pending = path.replace(self.fs, f"~{self.fs}")
            state = json.loads(read(pending if os.path.exists(pending) else path))
            state["certificateCreationTime"] = time.strftime(
                "%y%m%d%H%M%SZ", time.gmtime(time.time() - 7200))
            if watch:
                watch(state)
            self.write(path, json.dumps(state))
            if os.path.exists(pending):
                os.unlink(pending)
            port = path.rsplit(".", 1)[1]
            lines.append(f"{100 + number} 22 0:{50 + number} / /run/{name} rw shared:9 - nfs4 "
                         f"127.0.0.1:/ rw,vers=4.1,hard,proto=tcp,port={port},addr=127.0.0.1")
        self.write(TABLE, "\n".join(lines) + "\n")
        own = "/run/efs-utils.conf"
        self.write(own, read(CONFIG).replace(
            "[mount-watchdog]", f"[mount-watchdog]\n{config}"))
        # The daemon finds what it needs in the environment that its starter gave it.
        watchdog = subprocess.Popen(
            [DAEMON, "--mountinfo", TABLE, "--config", own, "--log-dir", self.log_dir],
            stdin=subprocess.DEVNULL, env=daemon, cwd="/")
        self.addCleanup(watchdog.wait)

    def log(self):
        path = f"{self.log_dir}/mount-watchdog.log"
        return read(path) if os.path.exists(path) else ""

    def certificate(self, name):
        done = subprocess.run(["openssl", "x509", "-outform", "DER", "-in",
                               self.mounted[name] + "+/certificate.pem"], check=True,
                              stdout=subprocess.PIPE, timeout=30)
        return done.stdout

    def assertRenewed(self, name, key):
        words = "Renewed the certificate of " + os.path.basename(self.mounted[name])
        failed = "Cannot recreate self-signed certificate for " + os.path.basename(
            self.mounted[name])
        wait_for("a renewal", lambda: words in self.log() or failed in self.log())
        log = self.log()
        self.assertIn(words, log)
        self.assertIn(key.encode(), self.certificate(name))

    def assertRefused(self, name, *words):
        failed = "Cannot recreate self-signed certificate for " + os.path.basename(
            self.mounted[name])
        renewed = "Renewed the certificate of " + os.path.basename(self.mounted[name])
        wait_for("a refusal", lambda: failed in self.log() or renewed in self.log())
        self.assertNotIn(renewed, self.log())
        for word in words:
            wait_for(word, lambda word=word: word in self.log())

    def assertNoSecret(self):
        for name in glob.glob(f"{STATE}/*") + glob.glob(f"{STATE}/*+/state.json"):
            if os.path.isfile(name):
                for secret in SECRETS:
                    self.assertNotIn(secret, read(name), name)
        def at_rest():
            """The tunnel and the watchdog, without a child of its that asks something."""
            pids = processes("efs-proxy") + processes("amazon-efs-moun")
            return pids if len(pids) == 2 else None
        for pid in wait_for("two processes", at_rest):
            for entry in environ(pid):
                self.assertFalse(entry.startswith("AWS_"), (pid, entry))
                for secret in SECRETS:
                    self.assertNotIn(secret, entry, pid)

    def test_a_program_that_forks_has_one_thread(self):
        """The zone was asked in a second one; a lock that it held at a fork, as that of strerror(3) while libcurl was
        loaded, stayed locked in the child that read a profile: one mount in about a hundred waited there and failed."""
        self.sim.ctl("imds slow 300")
        self.addCleanup(self.sim.ctl, "imds ok")
        seen = set()
        helper = self.start("tls,iam,awsprofile=backup,region=us-east-1")

        def ended():
            try:
                seen.add(len(os.listdir(f"/proc/{helper.pid}/task")))
            except FileNotFoundError:
                pass
            return helper.poll() is not None
        wait_for("its end", ended)
        self.finish(helper)
        self.assertIn("signed with access key AKIAHOME", self.err)
        self.assertEqual(seen - {0}, {1})

    def test_a_refusal_of_the_metadata_service_is_told_once(self):
        self.write(f"{self.home}/.aws/config", "[other]\nnonsense\n")
        self.home_keys("[other]\nnonsense\n" + keys("backup", "AKIAHOME"))
        before = read(CONFIG)
        self.addCleanup(self.write, CONFIG, before)
        self.write(CONFIG, before.replace("disable_fetch_ec2_metadata_token = false",
                                          "disable_fetch_ec2_metadata_token = true"))
        self.begin("a", "tls,iam,awsprofile=backup,region=us-east-1")
        log = read(LOG)
        for words in ("Unauthorized request to the instance metadata service", "/.aws/config: line ",
                      "/.aws/credentials: line ", "signing with "):
            self.assertEqual(log.count(words), 1, (words, log))

    def test_the_files_of_the_mount_are_those_of_its_renewals(self):
        """Profiles elsewhere, by relative names, while /root/.aws has the same profile."""
        self.write(f"{TEAM}/credentials", keys("backup", "AKIATEAM"))
        state = self.begin("a", directory="/run", AWS_SHARED_CREDENTIALS_FILE="team/credentials",
                           HOME="/nowhere")
        self.assertEqual(state["awsCredentialsMethod"], "credentials:backup")
        self.renew()
        self.assertRenewed("a", "AKIATEAM")

    def test_a_config_file_elsewhere_is_found_again(self):
        self.write(f"{TEAM}/config", keys("other", "AKIACONFIG"))
        self.begin("a", "tls,iam,awsprofile=other", AWS_CONFIG_FILE=f"{TEAM}/config")
        self.renew(daemon=UNIT)
        self.assertRenewed("a", "AKIACONFIG")

    def test_the_first_mounts_environment_is_not_the_others(self):
        self.write(f"{TEAM}/first", keys("backup", "AKIAFIRST"))
        self.write(f"{TEAM}/second", keys("backup", "AKIASECOND"))
        self.begin("a", AWS_SHARED_CREDENTIALS_FILE=f"{TEAM}/first")
        self.begin("b", AWS_SHARED_CREDENTIALS_FILE=f"{TEAM}/second")
        self.begin("c")
        self.renew()
        self.assertRenewed("a", "AKIAFIRST")
        self.assertRenewed("b", "AKIASECOND")
        self.assertRenewed("c", "AKIAHOME")

    def test_no_secret_is_kept(self):
        """CSI-20; nor does it stand in the environment of what lives as long as the mount."""
        self.begin("a", AWS_ACCESS_KEY_ID="AKIAENVIRONMENT", AWS_PROFILE="backup",
                   AWS_SECRET_ACCESS_KEY="hush-environment", AWS_SESSION_TOKEN="hush-session",
                   AWS_CONTAINER_AUTHORIZATION_TOKEN="hush-container",
                   no_proxy="amazonaws.com,127.0.0.1", https_proxy="http://u:hush-proxy@10.0.0.9:1")
        for secret in SECRETS + ("AWS_",):
            self.assertNotIn(secret, "\n".join(self.given))
        daemon = dict(PATH="/bin", AWS_SECRET_ACCESS_KEY="hush-environment",
                      https_proxy="http://u:hush-proxy@10.0.0.9:1")
        self.renew(daemon=daemon)  # as an administrator might have it
        self.assertRenewed("a", "AKIAHOME")
        self.assertNoSecret()
        kept = json.loads(read(self.mounted["a"]))["awsCredentialsOrigin"]
        self.assertEqual(kept["environment"]["https_proxy"], "http://10.0.0.9:1")
        self.assertEqual(kept["environment"]["no_proxy"], "amazonaws.com,127.0.0.1")
        self.assertEqual(kept["home"], self.home)

    def test_another_identity_is_refused_and_told_once(self):
        """The administrator puts another user's key there: maybe his new one, maybe not."""
        self.begin("a")
        before = self.certificate("a")
        self.home_keys(keys("backup", "AKIAOTHER"))
        self.renew()
        self.assertRefused("a", "the identity is no longer that of the mount", "AKIAHOME",
                           "AKIAOTHER", "allow_identity_change")
        self.assertEqual(self.certificate("a"), before)
        stays("one line about the identity", lambda: self.log().count("the identity is no longer") == 1, 2)
        status = subprocess.run([program("efsctl"), "status", "--json"], capture_output=True,
                                text=True, timeout=30)
        self.assertIn("the identity is no longer", status.stdout)

    def sts(self):
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sts)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def saved(self):
        return json.loads(read(self.mounted["a"]))["awsCredentialsOrigin"]

    def test_the_next_key_of_the_same_user_is_no_other_identity(self):
        """Only STS knows; it was asked while the first key was there."""
        self.begin("a", AWS_ENDPOINT_URL_STS=self.sts())
        self.renew()
        self.assertRenewed("a", "AKIAHOME")
        wait_for("the user's name", lambda: self.saved().get("principal") == "user/backup")
        for key, renewed in (("AKIAOTHER", False), ("AKIANEXT", True)):
            end_all("amazon-efs-moun")
            self.home_keys(keys("backup", key))
            self.log_dir += "-" + key
            self.renew()
            if renewed:
                self.assertRenewed("a", key)
            else:
                self.assertRefused("a", "user/backup", "user/other")
        wait_for("the key's id", lambda: self.saved()["accessKeyId"] == "AKIANEXT")

    def test_a_sessions_keys_in_a_profile_have_an_owner_too(self):
        """Another program writes them there each hour; only STS knows whose they are."""
        self.home_keys(keys("backup", "ASIAHOME", "hush-token"))
        self.begin("a", AWS_ENDPOINT_URL_STS=self.sts())
        self.renew()
        self.assertRenewed("a", "ASIAHOME")
        wait_for("the user's name", lambda: self.saved().get("principal") == "user/backup")
        for key, renewed in (("AKIAOTHER", False), ("ASIANEXT", True)):
            end_all("amazon-efs-moun")
            self.home_keys(keys("backup", key, "hush-token"))
            self.log_dir += "-" + key
            self.renew()
            if renewed:
                self.assertRenewed("a", key)
            else:
                self.assertRefused("a", "user/backup", "user/other")

    def test_a_session_that_nobody_knows_is_renewed_as_before(self):
        self.home_keys(keys("backup", "ASIAHOME", "hush-token"))
        self.begin("a", AWS_ENDPOINT_URL_STS="http://127.0.0.1:9")
        self.home_keys(keys("backup", "ASIANEXT", "hush-token"))
        self.renew()
        self.assertRenewed("a", "ASIANEXT")

    def test_a_program_is_looked_for_where_it_was_found(self):
        """mount(8) gives its helpers no PATH; the watchdog's own is another one than the default."""
        tool = "/usr/local/bin/get-keys"
        self.write(tool, "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"AKIAPROGRAM\", "
                         "\"SecretAccessKey\": \"hush-file\"}'\n")
        os.chmod(tool, 0o700)
        if not os.path.exists("/usr/local/bin/efs-proxy"):
            os.symlink(program("efs-proxy"), "/usr/local/bin/efs-proxy")
            self.addCleanup(os.unlink, "/usr/local/bin/efs-proxy")
        self.write(f"{TEAM}/config", "[profile tool]\ncredential_process = get-keys\n")
        self.begin("a", "tls,iam,awsprofile=tool", AWS_CONFIG_FILE=f"{TEAM}/config", PATH="")
        self.renew(daemon=UNIT)
        self.assertRenewed("a", "AKIAPROGRAM")

    def test_another_identity_is_taken_where_that_is_allowed(self):
        self.begin("a")
        self.home_keys(keys("backup", "AKIAOTHER"))
        self.renew(config="allow_identity_change = true")
        self.assertRenewed("a", "AKIAOTHER")
        wait_for("a word about the change",
                 lambda: "no longer that of access key AKIAHOME" in self.log())
        wait_for("the note", lambda: "AKIAOTHER" in read(self.mounted["a"]))

    def test_a_state_file_without_origin_is_renewed_as_before(self):
        """Of efs-utils, or of an older version: with the environment of the watchdog itself."""
        self.begin("a")
        self.write(f"{TEAM}/unit", keys("backup", "AKIAUNIT"))
        self.renew(daemon={"AWS_SHARED_CREDENTIALS_FILE": f"{TEAM}/unit"},
                   watch=lambda state: state.pop("awsCredentialsOrigin", None))
        self.assertRenewed("a", "AKIAUNIT")
        self.assertNotIn("awsCredentialsOrigin", read(self.mounted["a"]))


if __name__ == "__main__":
    unittest.main()
