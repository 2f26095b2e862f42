"""The package switch with mounts up: tunnels and state files of efs-utils 1.x to 3.2.0 under our watchdog.

The old tunnels are real: stunnel itself, with the configuration that efs-utils wrote for it, towards a
real TLS server; the state files have the keys of their release and no others. (UP-1, UP-2, TUN-14, WD-3,
section 24)
"""
import os
import shutil
import subprocess
import time
import unittest

from efs_test.files import read, write
from efs_test.programs import BIN
from efs_test.servers import receive
from efs_test.tls_peers import Certificates, NAME, s_server
from efs_test.waiting import wait_for
from efs_test.watchdog import Mount, WatchdogBench

# Section 15 in stunnel mode, as efs-utils wrote it.
STUNNEL = """fips = no
foreground = yes
socket = l:SO_REUSEADDR=yes
socket = a:SO_BINDTODEVICE=lo
pid = {dir}/stunnel.pid
[efs]
client = yes
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{target}
sslVersion = TLSv1.2
renegotiation = no
TIMEOUTbusy = 20
TIMEOUTclose = 0
TIMEOUTidle = 70
delay = yes
verify = 2
CAfile = {ca}
cert = {dir}/certificate.pem
key = {key}
checkHost = {name}
libwrap = no"""


@unittest.skipUnless(shutil.which("stunnel"), "needs stunnel")
class Upgrade(WatchdogBench):
    def setUp(self):
        super().setUp()
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            server.__exit__(None, None, None)
        super().tearDown()

    def old_mount(self, point, argv, keys, config=STUNNEL):
        """A mount of an old release; `argv` begins its command, `keys` are those of its state file."""
        certs = Certificates.get()
        server = s_server("-tls1_2")
        self.servers.append(server)
        mount = Mount(self, point, start=False)
        mount.close_listener()
        shutil.copy(certs.client[0], mount.secret_dir + "/certificate.pem")
        key = self.path("privateKey.pem")
        shutil.copy(certs.client[1], key)
        write(mount.config, config.format(dir=mount.secret_dir, port=mount.port, target=server.port,
                                          ca=certs.ca, key=key, name=NAME))
        every = dict(mount.state, cmd=argv + [mount.config], privateKey=key,
                     certificate=mount.secret_dir + "/certificate.pem",
                     certificateCreationTime=time.strftime("%y%m%d%H%M%SZ", time.gmtime()),
                     commonName="host", region="us-east-1", pid=-1)
        mount.state = dict({name: every[name] for name in keys}, mountpoint=every["mountpoint"])
        return mount

    def start_old(self, mount, program):
        mount.process = subprocess.Popen([program] + mount.state["cmd"][1:], start_new_session=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        self.tunnel_pids.append(mount.process.pid)
        mount.state["pid"] = mount.process.pid
        wait_for("the old tunnel", lambda: self.listens(mount))

    def listens(self, mount):
        with open("/proc/net/tcp", encoding="ascii") as table:
            return any(":%04X 00000000:0000 0A" % mount.port in line for line in table)

    def publish_old(self, mount, without=()):
        """The state file with the keys of its release alone."""
        point = mount.state["mountpoint"]
        for name in without:
            del mount.state[name]
        mount.publish()
        mount.state["mountpoint"] = point
        self.set_table(self.mounts)

    def assertServes(self, mount):
        client = mount.connect()
        client.sendall(b"tunnel\n")
        self.assertEqual(receive(client, 7), b"lennut\n")

    def new_tunnel(self, mount, old):
        wait_for("a new tunnel", lambda: mount.saved().get("pid") not in (None, -1, old))
        pid = mount.saved()["pid"]
        self.tunnel_pids.append(pid)
        self.assertEqual(read("/proc/%d/comm" % pid).strip(), "efs-proxy")
        self.assertIn(mount.config, read("/proc/%d/cmdline" % pid))
        return pid

    KEYS_1_X = ("pid", "cmd", "files", "mountStateDir", "certificate", "privateKey",
                "certificateCreationTime", "commonName", "region", "fsId")

    def test_a_live_stunnel_of_1_x_is_left_alone_and_replaced_when_it_dies(self):
        """UP-1, UP-2, WD-13: no mount_time, mountpoint or service_type in its state."""
        mount = self.old_mount("mnt.a", ["/usr/bin/stunnel"], self.KEYS_1_X)
        self.start_old(mount, shutil.which("stunnel"))
        self.publish_old(mount, without=["mountpoint"])
        self.start_watchdog(PATH=BIN + ":" + os.environ["PATH"])
        self.wait_log("supervising the tunnel with PID %d" % mount.process.pid)
        self.assertServes(mount)
        self.assertIsNone(mount.process.poll())
        mount.process.kill()
        mount.process.wait()
        new = self.new_tunnel(mount, mount.process.pid)
        self.assertServes(mount)
        self.assertIn("--tls", read("/proc/%d/cmdline" % new))
        saved = mount.saved()
        self.assertEqual(saved["cmd"], mount.state["cmd"])  # a downgrade finds what it wrote
        for key in self.KEYS_1_X:
            self.assertIn(key, saved)
        self.assertEqual(int(read(mount.secret_dir + "/stunnel.pid")), new)

    def test_dead_tunnels_of_every_release_come_back(self):
        """UP-2: stunnel, stunnel5 that vanished, a moved efs-proxy; their ports and files stay."""
        proxy = STUNNEL.replace("libwrap = no", "retry_nfs_mount_command_timeout_sec = 15\n"
                                "proxy_logging_level = INFO\nread_bypass_requested = False\n"
                                "fs_id = fs-0123456789abcdef0\nregion = us-east-1\n"
                                "efs_utils_version = 3.2.0")
        keys_3 = self.KEYS_1_X + ("mount_time", "mountpoint")
        mounts = [
            self.old_mount("mnt.a", ["/usr/bin/stunnel"], self.KEYS_1_X),
            self.old_mount("mnt.b", ["/usr/bin/stunnel5"], self.KEYS_1_X + ("mount_time",)),
            self.old_mount("mnt.c", ["/usr/sbin/efs-proxy"], keys_3, proxy),
        ]
        mounts[2].state["cmd"] += ["--tls", "--no-direct-s3-read"]
        for mount in mounts:
            mount.state["pid"] = 4194303  # nobody
            self.publish_old(mount)
        self.start_watchdog(PATH=BIN + ":" + os.environ["PATH"])
        for mount in mounts:
            self.new_tunnel(mount, 4194303)
            wait_for("its port", lambda one=mount: self.listens(one))
            self.assertServes(mount)

    def test_ocsp_of_a_stunnel_mount_is_still_asked_for(self):
        """MODE-1, UP-2: the s_server's certificate names no responder, which passes, as before."""
        mount = self.old_mount("mnt.a", ["/usr/bin/stunnel"], self.KEYS_1_X,
                               STUNNEL.replace("libwrap", "OCSPaia = yes\nlibwrap"))
        self.publish_old(mount)
        self.start_watchdog(PATH=BIN + ":" + os.environ["PATH"])
        self.new_tunnel(mount, -1)
        wait_for("its port", lambda: self.listens(mount))
        self.assertServes(mount)

    def test_an_old_mount_is_cleaned_up_after_its_unmount(self):
        """UP-1, WD-5: stunnel ends by SIGTERM, files and state go; nothing else was named in `files`."""
        mount = self.old_mount("mnt.a", ["/usr/bin/stunnel"], self.KEYS_1_X)
        self.start_old(mount, shutil.which("stunnel"))
        self.publish_old(mount)
        self.start_watchdog()
        self.wait_log("supervising the tunnel with PID %d" % mount.process.pid)
        self.set_table([])
        mount.process.wait(60)
        wait_for("the clean-up", lambda: not os.path.exists(mount.state_path))
        self.assertFalse(os.path.exists(mount.config))
        self.assertFalse(os.path.exists(mount.secret_dir))


if __name__ == "__main__":
    unittest.main()
