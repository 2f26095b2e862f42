"""A dead tunnel is replaced behind its open port: nobody is refused, nobody waits long."""
import array
import os
import signal
import socket
import subprocess
import unittest

from efs_test.files import read, write
from efs_test.programs import program
from efs_test.waiting import SCALE, WAIT, Stopwatch, pause, stays, wait_for
from efs_test.watchdog import Mount, STAND_IN, WatchdogBench


class Supervision(WatchdogBench):
    def test_dead_tunnel_is_replaced_on_the_same_listener(self):
        """WD-6, UP-3: the listener came from the helper; the new pid is saved, strange keys stay."""
        self.start_watchdog()
        mount = self.mounted()
        mount.hand_over_listener()
        self.wait_log("supervising the tunnel with PID %d" % mount.tunnel_pid())
        first = mount.greeting()
        self.assertEqual(first, mount.process.pid)
        watch = Stopwatch()
        mount.kill_tunnel()
        second = mount.greeting()
        elapsed = watch.own()
        print("exit to served: %.1f ms" % (watch.passed() * 1000))
        self.assertNotEqual(second, first)
        self.assertEqual(mount.starts()[-1], (second, "inherited"))
        self.assertLess(elapsed, 2.0 * SCALE)
        wait_for("the saved pid", lambda: mount.saved()["pid"] == second)
        self.assertEqual(mount.saved()["aKeyFromTheFuture"], {"kept": True})
        self.assertEqual(os.stat(mount.state_path).st_mode & 0o777, 0o600)
        self.wait_log("TLS tunnel for %s is not running" % mount.name)
        self.wait_log('Starting TLS tunnel: "%s' % STAND_IN)
        self.wait_log("Started efs-proxy, pid: %d" % second)

    def test_connection_made_while_the_tunnel_is_dead_waits_in_the_backlog(self):
        """TUN-6: the kernel's reconnect is not refused."""
        watchdog = self.start_watchdog()
        mount = self.mounted()
        mount.hand_over_listener()
        self.wait_log("supervising the tunnel with PID %d" % mount.tunnel_pid())
        watchdog.send_signal(signal.SIGSTOP)
        dead = mount.tunnel_pid()
        mount.kill_tunnel()
        mount.process.wait()
        client = mount.connect()
        watchdog.send_signal(signal.SIGCONT)
        self.assertNotEqual(mount.greeting(client), dead)

    def test_listener_may_come_before_the_state_file(self):
        self.start_watchdog()
        mount = Mount(self, "mnt.a")
        mount.hand_over_listener()
        mount.publish()
        self.set_table(self.mounts)
        self.wait_log("supervising the tunnel with PID")
        mount.kill_tunnel()
        mount.process.wait()
        mount.greeting()
        self.assertEqual(mount.starts()[-1][1], "inherited")

    def test_tunnels_of_a_dead_watchdog_are_adopted_with_their_listeners(self):
        """WD-13, UP-1, ST-8: by pid, name and listening socket; the port never closes."""
        mount = self.mounted()
        mount.close_listener()  # only the tunnel holds it now
        self.start_watchdog()
        self.wait_log("supervising the tunnel with PID %d" % mount.process.pid)
        self.watchdogs[-1].kill()
        self.watchdogs[-1].wait()
        self.assertEqual(mount.greeting(), mount.process.pid)
        self.start_watchdog()
        self.wait_log("supervising the tunnel with PID %d" % mount.process.pid, 2)
        mount.kill_tunnel()
        mount.process.wait()
        mount.greeting()
        self.assertEqual(mount.starts()[-1][1], "inherited")
        self.assertEqual(len(mount.starts()), 2)

    def test_pid_that_names_another_mounts_tunnel_is_not_believed(self):
        """CSI-10: pids of a kept state file may name another process; it is never signalled."""
        other = self.mounted("mnt.other")
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        mount.state["pid"] = other.process.pid
        mount.publish()
        self.set_table(self.mounts)
        self.start_watchdog()
        wait_for("its own tunnel", lambda: len(mount.starts()) == 1)
        self.assertEqual(mount.greeting(), mount.tunnel_pid())
        self.assertEqual(other.greeting(), other.process.pid)
        self.assertEqual(len(other.starts()), 1)

    others = []  # kept: tearDown() reaps by number

    def other_process(self, words, **options):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, **options)
        self.others.append(process)
        self.tunnel_pids.append(process.pid)
        self.addCleanup(process.stdout.close)
        return int(process.stdout.readline())

    def without_ptrace(self):
        return ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]

    def test_pid_that_became_a_thread_of_another_process_is_not_believed(self):
        """A10: after a restart of the CSI driver a mount hung for good. 6.1 says EINVAL."""
        program = ("import ctypes, threading, time\n"
                   "libc = ctypes.CDLL(None)\n"
                   "libc.prctl(15, b'efs-proxy')\n"
                   "def other():\n    libc.prctl(15, b'efs-proxy')\n"
                   "    print(threading.get_native_id(), flush=True)\n    time.sleep(1000)\n"
                   "threading.Thread(target=other).start()\n")
        thread = self.other_process(["/usr/bin/python3", "-c", program])
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        mount.state["pid"] = thread
        mount.publish()
        self.set_table([mount])
        self.start_watchdog()
        wait_for("its own tunnel", lambda: len(mount.starts()) == 1, limit=3)
        self.assertEqual(mount.greeting(), mount.tunnel_pid())

    def stranger(self):
        """A process with a tunnel's name that a watchdog without CAP_SYS_PTRACE cannot look into."""
        program = ("import ctypes, os, time\n"
                   "ctypes.CDLL(None).prctl(15, b'efs-proxy')\n"
                   "print(os.getpid(), flush=True)\ntime.sleep(1000)\n")
        return self.other_process(["/usr/bin/python3", "-c", program], user=65534)

    def test_process_that_may_not_be_looked_at_is_no_tunnel_when_nobody_listens(self):
        """A10: EACCES is neither "alive" nor "dead"; the port tells."""
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        mount.state["pid"] = self.stranger()
        mount.publish()
        self.set_table([mount])
        self.start_watchdog(wrapper=self.without_ptrace())
        wait_for("its own tunnel", lambda: len(mount.starts()) == 1)
        self.assertEqual(mount.greeting(), mount.tunnel_pid())

    def test_process_that_may_not_be_looked_at_is_replaced_when_connections_pile_up(self):
        mount = Mount(self, "mnt.a", start=False)
        mount.state["pid"] = self.stranger()
        mount.publish()
        self.set_table([mount])
        self.start_watchdog(wrapper=self.without_ptrace())
        mount.hand_over_listener()
        stays("no second tunnel: it may be served", lambda: not mount.starts(), 1)
        self.assertEqual(mount.greeting(), mount.tunnel_pid())
        self.assertEqual(mount.starts()[-1][1], "inherited")

    def hidden_tunnel(self):
        """A living one of another user."""
        mount = Mount(self, "mnt.a", start=False)
        for path, mode in ((self.root, 0o755), (self.state_dir, 0o755), (self.notes, 0o777),
                           (mount.config, 0o644)):
            os.chmod(path, mode)
        command = mount.state["cmd"]
        mount.state["cmd"] = ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups"] + command
        mount.start_tunnel()
        mount.state["cmd"] = command
        mount.publish()
        self.set_table([mount])
        self.start_watchdog(wrapper=self.without_ptrace())
        mount.hand_over_listener()
        self.wait_log("tunnels cannot be looked at")
        return mount

    def test_frozen_tunnel_in_use_that_may_not_be_looked_at_gets_no_second_one(self):
        """A debugger, the freezer or a host out of memory: its connections show that it lives."""
        mount = self.hidden_tunnel()
        client = mount.connect()
        self.assertEqual(mount.greeting(client), mount.process.pid)  # accepted
        os.kill(mount.process.pid, signal.SIGSTOP)
        try:
            mount.connect()  # waits for ever
            # Longer than a retry (5 s) and the patience with connections (3 s).
            stays("one tunnel", lambda: len(mount.starts()) == 1, 10)
        finally:
            os.kill(mount.process.pid, signal.SIGCONT)

    def test_living_tunnel_that_may_not_be_looked_at_gets_no_second_one(self):
        """A10: the lost errno of a link made it a dead one."""
        mount = self.hidden_tunnel()
        mount.connect()
        # Longer than a retry (5 s) and the patience with connections (3 s).
        stays("one tunnel", lambda: len(mount.starts()) == 1, 10)
        mount.kill_tunnel()
        mount.process.wait()
        wait_for("its successor", lambda: len(mount.starts()) == 2)

    def test_tunnel_that_the_state_file_does_not_know_is_found_by_its_port(self):
        mount = Mount(self, "mnt.a")
        served = mount.process.pid
        mount.state["pid"] = self.stranger()
        mount.publish()
        self.set_table([mount])
        self.start_watchdog()
        wait_for("the right pid", lambda: mount.saved()["pid"] == served)
        self.assertEqual(len(mount.starts()), 1)

    def test_tunnel_of_a_state_file_without_a_number_is_found_by_its_port(self):
        """A10: it was restarted for ever beside the living one, whose end then nobody saw."""
        mounts = []
        for point, number in (("mnt.none", None), ("mnt.one", 1), ("mnt.minus", -1)):
            mount = Mount(self, point)
            mount.state["pid"] = number
            if number is None:
                del mount.state["pid"]
            mount.publish()
            mounts.append(mount)
        self.set_table(mounts)
        self.start_watchdog()
        for mount in mounts:
            wait_for("the right pid", lambda one=mount: one.saved().get("pid") == one.process.pid)
            self.assertEqual(len(mount.starts()), 1)

    def test_commands_of_older_versions_are_translated(self):
        """UP-2: stunnel5 behind nothing, and a path that vanished; efs-proxy is found in PATH."""
        mounts = []
        for point, argv in (("mnt.a", ["/usr/bin/stunnel5"]), ("mnt.b", ["/gone/efs-proxy"])):
            mount = Mount(self, point, start=False)
            mount.close_listener()
            mount.state["cmd"] = argv + [mount.config]
            mount.publish()
            mounts.append(mount)
        self.set_table(self.mounts)
        path = os.path.dirname(STAND_IN) + ":" + os.environ["PATH"]
        self.start_watchdog(PATH=path)
        for mount in mounts:
            wait_for("its tunnel", mount.starts)
            self.assertEqual(mount.greeting(), mount.tunnel_pid())

    def nsenter_trap(self):
        """A program nsenter, first in the search path, that tells if it ever ran."""
        folder = os.path.join(self.state_dir, "trap")
        os.mkdir(folder)
        ran = os.path.join(folder, "ran")
        with open(os.path.join(folder, "nsenter"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n: >%s\n" % ran)
        os.chmod(file.name, 0o755)
        return ran, folder + ":" + os.environ["PATH"]

    def test_tunnel_of_another_network_is_restarted_there_and_nsenter_never_runs(self):
        """NET-1, UP-2, UP-3: once by the path, then by the socket, when the path is gone."""
        other = subprocess.Popen(["unshare", "--net", "--", "sh", "-c",
                                  "ip link set lo up && echo && exec cat"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            other.stdout.readline()
            network = os.readlink("/proc/%d/ns/net" % other.pid)
            mount = Mount(self, "mnt.a", start=False)
            mount.close_listener()
            mount.state["cmd"] = (["nsenter", "--net=/proc/%d/ns/net" % other.pid] +
                                  mount.state["cmd"])
            mount.publish()
            self.set_table(self.mounts)
            ran, path = self.nsenter_trap()
            self.start_watchdog(PATH=path)
            wait_for("its tunnel", mount.starts)
            first = mount.tunnel_pid()
            self.assertEqual(os.readlink("/proc/%d/ns/net" % first), network)
        finally:
            other.stdin.close()
            other.wait(WAIT)
            other.stdout.close()
        os.kill(first, signal.SIGKILL)
        wait_for("its successor", lambda: len(mount.starts()) == 2)
        self.assertEqual(os.readlink("/proc/%d/ns/net" % mount.tunnel_pid()), network)
        self.assertFalse(os.path.exists(ran))

    def test_network_that_is_gone_is_told(self):
        """NET-1: neither path nor socket lead there any more."""
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        mount.state["cmd"] = ["nsenter", "--net=/nowhere/net"] + mount.state["cmd"]
        mount.publish()
        self.set_table(self.mounts)
        self.start_watchdog()
        self.wait_log("network namespace /nowhere/net: No such file")
        self.assertEqual(mount.starts(), [])

    def test_tunnel_that_dies_at_once_is_held_back_and_recovers(self):
        """WD-9: the watchdog neither ends nor spins, and other mounts do not notice."""
        mount = self.mounted("mnt.bad")
        good = self.mounted("mnt.good")
        self.start_watchdog()
        self.wait_log("supervising the tunnel", 2)
        write(mount.note("dies"), "")
        since = Stopwatch()
        mount.kill_tunnel()
        wait_for("two more starts", lambda: len(mount.starts()) >= 3)
        watch = Stopwatch()
        good.kill_tunnel()
        good.process.wait()
        wait_for("the good mount's tunnel", lambda: len(good.starts()) == 2)
        self.assertLess(watch.own(), 1.0 * SCALE)
        starts = len(mount.starts())
        self.assertLessEqual(starts, self.most_starts(since.passed()))
        os.unlink(mount.note("dies"))
        client = mount.connect()
        self.assertEqual(mount.greeting(client), mount.tunnel_pid())

    @staticmethod
    def most_starts(seconds):
        """Of a tunnel that dies at once: the first, the next at its death, and then after 1, 2, 4 ... s, 20 % less at most."""
        starts, rest = 2, 0.8
        while seconds >= rest:
            starts, seconds, rest = starts + 1, seconds - rest, rest * 2
        return starts

    def test_missing_tunnel_program_is_told_once_and_tried_again(self):
        """WD-9: a missing binary made the old watchdog loop."""
        mount = Mount(self, "mnt.a", start=False)
        program = self.path("efs-proxy")
        mount.state["cmd"][0] = program
        mount.close_listener()
        mount.publish()
        self.set_table(self.mounts)
        self.start_watchdog(PATH="/nonexistent")
        self.wait_log("Failed to locate efs-proxy")
        os.symlink(STAND_IN, program)
        wait_for("its tunnel", mount.starts)
        for once in ("Watchdog failed to start", "is not running"):
            self.assertToldOnce(once, last="Started efs-proxy")

    def test_mount_left_by_a_dead_helper_is_taken_over(self):
        """FLOW-1: mounted, but its '~' file was never renamed; the tunnel is dead."""
        mount = Mount(self, "mnt.a", start=False)
        mount.close_listener()
        mount.publish(pending=True)
        self.set_table(self.mounts)
        self.start_watchdog()
        wait_for("the published state", lambda: read(mount.state_path))
        wait_for("its tunnel", mount.starts)
        self.assertFalse(os.path.exists(os.path.join(self.state_dir, "~" + mount.name)))

    def test_listening_sockets_survive_in_the_service_manager(self):
        """FDSTORE, and back by LISTEN_FDNAMES."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(WAIT)
        manager.bind(self.path("notify"))
        self.start_watchdog(NOTIFY_SOCKET=self.path("notify"))
        mount = self.mounted("mnt.with blank")
        mount.hand_over_listener()
        stored = None
        while stored is None:
            text, ancillary, _, _ = manager.recvmsg(4096, 256)
            if b"FDSTORE=1" in text:
                stored = array.array("i", ancillary[0][2])[0]
        self.addCleanup(os.close, stored)
        fd_name = [line for line in text.decode().splitlines() if line.startswith("FDNAME=")][0]
        self.assertEqual(fd_name, "FDNAME=" + mount.name.replace(" ", "%20"))
        self.wait_log("supervising the tunnel with PID")
        self.watchdogs[-1].kill()
        self.watchdogs[-1].wait()
        mount.kill_tunnel()
        mount.process.wait()
        client = mount.connect()  # nobody but systemd, which is us, holds the socket
        wrapper = ["/bin/sh", "-c", 'exec 3<&%d; export LISTEN_PID=$$; exec "$@"' % stored, "sh"]
        self.start_watchdog_with(stored, wrapper, LISTEN_FDS="1", LISTEN_FDNAMES=fd_name[7:])
        self.assertEqual(mount.greeting(client), mount.tunnel_pid())
        self.assertEqual(len(mount.starts()), 2)

    def start_watchdog_with(self, fd, wrapper, **env):
        os.set_inheritable(fd, True)
        environment = dict(os.environ, STAND_IN_DIR=self.notes, **env)
        self.watchdogs.append(subprocess.Popen(wrapper + self.command(), env=environment,
                                               pass_fds=[fd], stdin=subprocess.DEVNULL))

    def test_real_tunnel_is_replaced_and_carries_data_again(self):
        """TUN-6, TUN-9, WD-6: efs-proxy itself, in plain mode, towards a server of this test."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        server.settimeout(WAIT)
        mount = Mount(self, "mnt.a", start=False)
        mount.state["cmd"] = [program("efs-proxy"), mount.config,
                              "--no-direct-s3-read"]
        write(mount.config, "fips = no\npid = %s/stunnel.pid\n[efs]\naccept = 127.0.0.1:%d\n"
              "connect = 127.0.0.1:%d" % (mount.secret_dir, mount.port, server.getsockname()[1]))
        mount.publish()
        self.set_table([mount])
        mount.close_listener()
        self.start_watchdog()
        last = -1
        killed = None
        for question in (b"one", b"two"):
            client = mount.connect() if killed else self.connect_when_open(mount)
            client.sendall(question)
            upstream = server.accept()[0]
            self.addCleanup(upstream.close)
            if killed:
                print("efs-proxy: exit to connected upstream: %.1f ms" % (killed.passed() * 1000))
            upstream.settimeout(WAIT)
            self.assertEqual(upstream.recv(16), question)
            upstream.sendall(b"answer")
            self.assertEqual(client.recv(16), b"answer")
            wait_for("a new pid", lambda: mount.saved()["pid"] != last)
            last = mount.saved()["pid"]
            self.tunnel_pids.append(last)
            if not killed:
                self.wait_log("Started efs-proxy")
                pause("the back-off after the first start, which counts as an attempt", 1.3)
                os.kill(last, signal.SIGKILL)
                killed = Stopwatch()
                self.assertEqual(client.recv(16), b"")

    def connect_when_open(self, mount):
        wait_for("the open port", lambda: mount.saved()["pid"] != -1)
        return mount.connect()


if __name__ == "__main__":
    unittest.main()
