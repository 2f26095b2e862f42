"""Mounts that hang, state that is lost, limits that are reached: real processes, made-up tables."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

from efs_test.files import read, write
from efs_test.processes import alive
from efs_test.programs import program
from efs_test.servers import Server, receive
from efs_test.tunnel import Counters
from efs_test.waiting import SCALE, WAIT, Stopwatch, pause, stays, wait_for
from efs_test.watchdog import Mount, WatchdogBench

REAL_TUNNEL = program("efs-proxy")


class HealthBench(WatchdogBench):
    def real_mount(self, point, server, tls=False):
        """A mount with the product's own tunnel, which keeps counters."""
        mount = Mount(self, point, start=False)
        write(mount.config, "fips = no\npid = %s/stunnel.pid\n[efs]\naccept = 127.0.0.1:%d\n"
              "connect = 127.0.0.1:%d%s" % (mount.secret_dir, mount.port, server.getsockname()[1],
                                            self.tls_keys() if tls else ""))
        mount.state["cmd"] = ([REAL_TUNNEL, mount.config] + ["--tls"] * tls +
                              ["--no-direct-s3-read"])
        mount.process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh"] + mount.state["cmd"],
            preexec_fn=lambda: os.dup2(mount.listener.fileno(), 3), pass_fds=[3],
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.tunnel_pids.append(mount.process.pid)
        wait_for("its counters", lambda: os.path.exists(
            os.path.join(self.state_dir, "tunnel-counters." + mount.name)))
        mount.state["pid"] = mount.process.pid
        mount.publish()
        self.set_table(self.mounts)
        return mount

    def tls_keys(self):
        pem = self.path("client.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem,
                        "-out", pem + ".cert", "-subj", "/CN=client"], check=True,
                       stderr=subprocess.DEVNULL)
        return "\nverify = 0\ncert = %s.cert\nkey = %s" % (pem, pem)

    def silent_server(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        return server

    def call(self, mount):
        """A NULL call of a kernel that waits for its answer."""
        self.set_rpc_calls(2)
        client = mount.connect()
        self.send_call(client)
        return client

    def send_call(self, client):
        client.sendall(bytes.fromhex("80000028") + os.urandom(4) +
                       b"\0\0\0\0" + b"\0\0\0\2" + b"\0\1\x86\xa3" + b"\0\0\0\4" + b"\0" * 20)

    def calls(self, mount):
        return Counters(os.path.join(self.state_dir, "tunnel-counters." + mount.name)).calls

    def call_until(self, mount, fragment):
        """As a kernel, which comes again after each reset."""
        client, watch = self.call(mount), Stopwatch()
        while fragment not in self.log():
            self.assertFalse(watch.over(60 * SCALE), self.log())
            client.settimeout(0.2)
            try:
                gone = not client.recv(1)
            except TimeoutError:
                continue
            except ConnectionError:
                gone = True
            if gone:
                client.close()
                client = self.call(mount)
        client.close()

    def saved_pid(self, mount):
        pid = mount.saved().get("pid")
        if pid not in self.tunnel_pids:
            self.tunnel_pids.append(pid)
        return pid


class Hangs(HealthBench):
    def test_silent_server_is_noticed_and_asked_anew_then_the_tunnel_is_replaced(self):
        """Reconnect first, SIGKILL later; each told once."""
        self.set_config("hang_detection_sec = 3\naz_failover = off\n")
        server = self.silent_server()
        mount = self.real_mount("mnt.a", server)
        self.start_watchdog()
        self.wait_log("supervising the tunnel")
        self.call(mount)
        started = time.monotonic()
        self.wait_log("%s: hangs" % mount.name, limit=30)
        print("noticed after %.1f s" % (time.monotonic() - started))
        self.wait_log("asking its tunnel to connect anew", limit=30)
        self.call(mount)  # the kernel replays
        self.wait_log("replacing its tunnel", limit=40)
        wait_for("a new tunnel", lambda: self.saved_pid(mount) != mount.process.pid)
        mount.process.wait(WAIT)

    def test_silent_server_behind_tls_is_no_deaf_tunnel(self):
        """Until the handshake is done the kernel's bytes lie unread, but the tunnel takes a probe."""
        self.set_config("hang_detection_sec = 10\naz_failover = off\n")
        mount = self.real_mount("mnt.a", self.silent_server(), tls=True)
        self.start_watchdog()
        self.wait_log("supervising the tunnel")
        self.call_until(mount, "asking its tunnel to connect anew")
        self.wait_log("no answer from the server")
        self.assertNotIn("replacing its tunnel", self.log())

    def test_server_whose_answers_are_none_is_no_healthy_one(self):
        """D32: a middlebox says something of its own on each connection, and hangs up or says no more."""
        self.set_config("hang_detection_sec = 3\naz_failover = off\n")
        page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ends = Server(lambda connection: (connection.recv(4096), connection.sendall(page)))
        stays_open = Server(lambda connection: (connection.recv(4096), connection.sendall(page), connection.recv(1)))
        mounts = []
        for server, point in ((ends, "mnt.ends"), (stays_open, "mnt.stays")):
            self.addCleanup(server.close)
            mounts.append(self.real_mount(point, server.socket))
        self.start_watchdog()
        self.wait_log("supervising the tunnel", 2)
        for mount in mounts:
            self.call_until(mount, "%s: hangs" % mount.name)

    def test_stopped_tunnel_is_replaced(self):
        """SIGSTOP: its own counters stand still, its socket tells."""
        self.set_config("hang_detection_sec = 3\n")
        mount = self.real_mount("mnt.a", self.silent_server())
        self.start_watchdog()
        self.wait_log("supervising the tunnel")
        os.kill(mount.process.pid, signal.SIGSTOP)
        self.call(mount)
        self.wait_log("replacing its tunnel", limit=40)
        mount.process.wait(WAIT)
        wait_for("a new tunnel", lambda: self.saved_pid(mount) != mount.process.pid)

    def test_tunnel_that_moves_bytes_after_it_ignored_a_probe_is_not_killed(self):
        """Issue 11, 31: it stood still for the probe alone, as under overload, and its server is silent."""
        # The next probe comes 10 s after the first one, which comes after 5 s: not before the hang is one.
        self.set_config("hang_detection_sec = %d\naz_failover = off\n" % self.HANG)
        server = self.silent_server()
        for attempt in range(5):
            mount = self.real_mount("mnt.%d" % attempt, server)
            if not attempt:
                self.start_watchdog()
            self.wait_log("%s: supervising the tunnel" % mount.name)
            if self.ignores_a_probe(mount):
                break
        else:
            self.fail("it never moved again before it was a hang")
        self.wait_log("%s: hangs" % mount.name, limit=40)
        self.wait_log("%s: asking its tunnel to connect anew" % mount.name, limit=40)
        told = [line for line in self.log().splitlines() if mount.name in line]
        self.assertEqual([line for line in told if "its tunnel does not read" in line or "replacing its tunnel" in line], [])
        self.assertTrue(alive(mount.process.pid))

    HANG = 14

    def ignores_a_probe(self, mount):
        """Stopped for the probe alone; whether it moved again in time: a machine that stands still makes a hang of it."""
        watch = Stopwatch()
        client = self.call(mount)
        wait_for("the call in the tunnel", lambda: self.calls(mount) == 1)
        os.kill(mount.process.pid, signal.SIGSTOP)
        wait_for("a call that is worth a probe", lambda: watch.passed() > 5.2)
        self.watchdogs[-1].send_signal(signal.SIGHUP)  # each mount is looked at now, not within hang_detection_sec / 3
        # Why it is asked, and what came of it.
        self.wait_log("%s: probe: " % mount.name, 2)
        os.kill(mount.process.pid, signal.SIGCONT)
        self.send_call(client)
        wait_for("the second call in the tunnel", lambda: self.calls(mount) >= 2)
        return watch.passed() < self.HANG - 1

    def test_host_that_stood_still_has_no_hang(self):
        """A guest that was paused, a laptop that slept: clocks went on, or jump; the server answers as soon as all wake."""
        self.set_config("hang_detection_sec = 6\n")
        server = self.silent_server()
        mount = self.real_mount("mnt.a", server)
        watchdog = self.start_watchdog()
        self.wait_log("supervising the tunnel")
        client = self.call(mount)
        upstream, _ = server.accept()
        self.addCleanup(upstream.close)
        asked = receive(upstream, 44)
        self.assertEqual(len(asked), 44)
        stopped = (watchdog.pid, mount.process.pid)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        pause("the host stands still for longer than hang_detection_sec", 15)
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)
        pause("the way to the server comes back a little later", 2)
        answer = bytes.fromhex("80000018") + asked[4:8] + bytes.fromhex("00000001") + bytes(16)
        upstream.sendall(answer)
        self.assertEqual(receive(client, len(answer)), answer)
        self.log_stays("no hang, no remedy", lambda log: not any(word in log for word in
                                                                 ("hangs", "connect anew", "replacing its tunnel")), 10)
        self.assertTrue(alive(mount.process.pid))

    def test_hung_mounts_delay_no_other(self):
        """Contract 25.9: ten of them, and the tunnel of a healthy one is replaced at once."""
        self.set_config("hang_detection_sec = 3\naz_failover = off\n")
        server = self.silent_server()
        hung = [self.real_mount("mnt.hung%d" % number, server) for number in range(10)]
        good = self.mounted("mnt.good")
        self.start_watchdog()
        self.wait_log("supervising the tunnel", len(hung) + 1)
        clients = [self.call(mount) for mount in hung]
        for mount in hung:
            self.wait_log("%s: hangs" % mount.name, limit=30)
        watch = Stopwatch()
        good.kill_tunnel()
        good.process.wait()
        wait_for("the good mount's tunnel", lambda: len(good.starts()) == 2)
        self.assertLess(watch.own(), 1.0 * SCALE)
        self.assertEqual(len(clients), len(hung))

    def test_server_that_trickles_is_left_alone(self):
        self.set_config("hang_detection_sec = 5\n")
        server = self.silent_server()
        for attempt in range(5):
            mount = self.real_mount("mnt.%d" % attempt, server)
            if not attempt:
                self.start_watchdog()
            self.wait_log("%s: supervising the tunnel" % mount.name)
            # Where a byte came so late that it might be a hang, it was this machine that stood still.
            if self.longest_pause(mount, server) < 2.5:
                break
        else:
            self.fail("no byte in time")
        self.assertNotIn("%s: hangs" % mount.name, self.log())
        self.assertTrue(alive(mount.process.pid))

    def longest_pause(self, mount, server):
        """Seconds between two bytes of one long reply, which go on for twice the time that makes a hang."""
        self.call(mount)
        upstream, _ = server.accept()
        longest, last = 0, time.monotonic()
        with upstream:
            for number in range(51):
                upstream.sendall(b"\0" if number else b"\x80")
                now = time.monotonic()
                longest, last = max(longest, now - last), now
                pause("the server is slow, not silent", 0.2)
            return max(longest, time.monotonic() - last)


class Losses(HealthBench):
    def test_deleted_state_file_of_a_live_mount_is_written_again(self):
        mount = self.mounted()
        self.start_watchdog()
        self.wait_log("supervising the tunnel")
        os.unlink(mount.state_path)
        self.wait_log("its state file is gone, writing it again")
        wait_for("the file", lambda: os.path.exists(mount.state_path))
        self.assertEqual(mount.saved()["pid"], mount.tunnel_pid())
        self.assertEqual(mount.saved()["aKeyFromTheFuture"], {"kept": True})

    def test_all_state_files_deleted_and_watchdog_restarted(self):
        """Same ports, same processes; what cannot be rebuilt is named."""
        mounts = [self.mounted("mnt.%d" % i) for i in range(3)]
        for mount in mounts:
            write(mount.config, read(mount.config) + "\ncert = %s/certificate.pem\nkey = /k" %
                  mount.secret_dir)
            os.unlink(mount.state_path)
        write(mounts[2].state_path, "{ broken")
        self.start_watchdog()
        self.wait_log("is mounted without a state file: rebuilt as", 3)
        self.wait_log("lost: its certificate", 3)
        self.wait_log("supervising the tunnel with PID", 3)
        for mount in mounts:
            self.wait_written(mount)
            self.assertEqual(mount.saved()["pid"], mount.process.pid)
            self.assertEqual(mount.saved()["mountpoint"], mount.state["mountpoint"])
            self.assertEqual(len(mount.starts()), 1)

    def wait_written(self, mount):
        """What is told is on its way to the disk, and not yet there."""
        wait_for("its state file", lambda: read(mount.state_path) not in ("", "{ broken"))

    def test_state_file_damaged_and_watchdog_restarted(self):
        """CRED-10: its copy tells all, also the source of the credentials."""
        mount = self.mounted()
        watchdog = self.start_watchdog()
        self.wait_log("supervising the tunnel")
        copy = os.path.join(mount.secret_dir, "state.json")
        mount.kill_tunnel()
        wait_for("a copy of the state", lambda: os.path.exists(copy) and
                 json.loads(read(copy))["pid"] == mount.tunnel_pid())
        watchdog.kill()
        watchdog.wait()
        write(mount.state_path, "{ broken")
        self.start_watchdog()
        self.wait_log("restored from its copy")
        self.wait_written(mount)
        wait_for("the state", lambda: mount.saved()["pid"] == mount.tunnel_pid())
        self.assertEqual(mount.saved()["aKeyFromTheFuture"], {"kept": True})
        self.assertEqual(len(mount.starts()), 2)

    def test_mount_whose_configuration_is_gone_too_is_named(self):
        mount = self.mounted()
        os.unlink(mount.state_path)
        os.unlink(mount.config)
        self.start_watchdog()
        self.wait_log("it cannot be replaced when it ends")
        self.assertTrue(alive(mount.process.pid))

    def test_idle_costs_nothing_per_mount(self):
        """strace over idle seconds: no call names a mount, and few calls at all."""
        if shutil.which("strace") is None:
            self.skipTest("no strace")
        server = self.silent_server()
        mounts = [self.real_mount("mnt.%d" % i, server) for i in range(20)]
        watchdog = self.start_watchdog()
        self.wait_log("supervising the tunnel with PID", 20)
        trace = self.path("trace")
        pause("until the look for a foreign watchdog that follows changed state files", 12)
        idle = int(os.environ.get("EFS_IDLE_SECONDS", "15"))
        subprocess.run(["timeout", "-s", "INT", str(idle), "strace", "-f", "-o", trace, "-p",
                        str(watchdog.pid)], stderr=subprocess.DEVNULL, timeout=idle + 30)
        calls = [line for line in read(trace).splitlines() if "(" in line and "+++" not in line]
        print("%d calls in %d s with %d mounts" % (len(calls), idle, len(mounts)))
        self.assertFalse([line for line in calls if any(m.name in line for m in mounts)])
        # A round each 5 s; one more waking within the minute.
        self.assertLess(len(calls), 12 * (idle // 5 + 2), "\n".join(calls[:60]))

    def test_full_disk_degrades_and_recovers(self):
        tiny = self.path("state")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=64,mode=0755", "tmpfs",
                        tiny], check=True)
        try:
            self.fill_and_recover(tiny)
        finally:
            self.watchdogs[-1].kill()
            subprocess.run(["umount", "-l", tiny], check=True)

    def fill_and_recover(self, tiny):
        mount = self.mounted()
        self.start_watchdog()
        self.wait_log("supervising the tunnel")
        filler = os.path.join(tiny, "filler")
        try:
            with open(filler, "wb") as file:
                while True:
                    file.write(b"x" * 4096)
                    file.flush()
        except OSError:
            pass
        mount.kill_tunnel()
        mount.process.wait()
        second = mount.greeting()  # served although nothing could be written
        self.wait_log("No space left on device")
        os.unlink(filler)
        wait_for("the saved pid", lambda: mount.saved()["pid"] == second, 80)

    def test_few_descriptors_kill_nothing(self):
        """RLIMIT_NOFILE: not to be able to look is no proof that a tunnel is dead."""
        mounts = [self.mounted("mnt.%d" % i) for i in range(12)]
        watchdog = self.start_watchdog(wait=False, wrapper=["prlimit", "--nofile=26:26"])
        self.wait_log("Too many open files", limit=30)
        stays("a living watchdog", lambda: watchdog.poll() is None, 6)  # longer than one retry
        for mount in mounts:
            self.assertEqual(len(mount.starts()), 1)
            self.assertTrue(alive(mount.process.pid))


if __name__ == "__main__":
    unittest.main()
