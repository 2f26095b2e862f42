#!/usr/bin/python3
"""Promise: the numbers of efsctl metrics are those of the mounts, and Prometheus reads them.

promtool and prometheus are Debian's (package prometheus, tests/testbed/packages.sh).
"""
import grp
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from efs_test.files import read, write
from efs_test.processes import alive, free_port
from efs_test.programs import SOURCE, program
from efs_test.waiting import WAIT, wait_for
from efs_test.watchdog import WatchdogBench

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Metrics(WatchdogBench):
    def efsctl(self, *words, code=0, **options):
        options.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run([program("efsctl"), "metrics", "--state-dir", self.state_dir, "--mountinfo", self.mountinfo,
                               *words], stderr=subprocess.PIPE, text=True, timeout=WAIT, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        self.err = done.stderr
        return done.stdout

    def supervised(self, point):
        mount = self.mounted(point)
        mount.hand_over_listener()
        self.wait_log("%s: supervising the tunnel with PID" % mount.name)
        return mount

    def test_tell_each_mount_and_its_tunnel(self):
        self.start_watchdog()
        mount = self.supervised("mnt.a")
        text = self.efsctl()
        labels = f'file_system="fs-0123456789abcdef0",mount_point="/mnt/a",port="{mount.port}"'
        self.assertIn("efs_watchdog_up 1\n", text)
        self.assertIn("efs_mounts 1\n", text)
        self.assertIn(f"efs_tunnel_up{{{labels}}} 1\n", text)
        self.assertTrue(text.endswith("# EOF\n"))
        mount.kill_tunnel()
        wait_for("the next tunnel in the numbers",
                 lambda: f"efs_tunnel_restarts_total{{{labels}}} 1\n" in self.efsctl())

    def test_without_a_watchdog_they_say_so(self):
        self.mounted("mnt.a")
        self.assertIn("efs_watchdog_up 0\n", self.efsctl())

    def test_a_textfile_is_replaced_as_a_whole_and_readable(self):
        path = self.path("efs.prom")
        write(path, "old")
        self.mounted("mnt.a")
        self.assertEqual(self.efsctl("--textfile", path), "")
        self.assertIn("# TYPE efs_tunnel_up gauge\n", read(path))
        self.assertNotIn("# EOF", read(path))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
        self.efsctl("--textfile", "/nowhere/efs.prom", code=2)
        self.assertIn("/nowhere", self.err)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            self.efsctl(code=2, stdout=full)
        self.assertIn("No space left", self.err)

    def test_the_documentation_lists_the_same_metrics(self):
        source = (SOURCE / "efsctl/metrics/metric_table.cc").read_text()
        table = re.findall(r'Metric\{"(\w+)", \w+,\s+"([^"]+)"', source)
        documented = re.findall(r"^\| `(efs_\w+)` \| ([^|]+) \|$", (SOURCE / "efsctl/README.md").read_text(), re.M)
        self.assertGreater(len(table), 10)
        self.assertEqual(table, documented)

    def test_promtool_finds_nothing_to_blame(self):
        path = self.path("efs.prom")
        self.start_watchdog()
        self.supervised("mnt.a")
        self.efsctl("--textfile", path)
        with open(path, encoding="ascii") as text:
            done = subprocess.run(["promtool", "check", "metrics"], stdin=text, capture_output=True, text=True, timeout=WAIT)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def scraped_by_prometheus(self, port):
        """A Prometheus that asks 127.0.0.1:`port` each second; gives the value of a query."""
        mine = free_port("127.0.0.1")
        write(self.path("prometheus.yml"), "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: efs\n"
              f"  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n")
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={self.path('prometheus.yml')}", f"--storage.tsdb.path={self.path('tsdb')}",
             f"--web.listen-address=127.0.0.1:{mine}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.watchdogs.append(prometheus)  # ended with them

        def value(query):
            url = f"http://127.0.0.1:{mine}/api/v1/query?" + urllib.parse.urlencode({"query": query})
            try:
                with urllib.request.urlopen(url, timeout=WAIT) as reply:
                    result = json.load(reply)["data"]["result"]
            except OSError:
                return None
            return result[0]["value"][1] if result else None
        return value

    def served(self, **keys):
        """The port of the server that the watchdog starts."""
        port = free_port("127.0.0.1")
        self.set_config(f"metrics_listen = 127.0.0.1:{port}, unix:{self.path('status.sock')}\n" +
                        "".join(f"{key} = {value}\n" for key, value in keys.items()))
        self.start_watchdog()
        return port

    def get(self, port, path="/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=WAIT) as reply:
            return reply.headers["Content-Type"], reply.read().decode()

    def answered(self, port, path="/metrics"):
        try:
            return self.get(port, path)
        except OSError:
            return None

    def test_the_watchdog_serves_them_where_it_is_configured(self):
        port = self.served()
        kind, text = wait_for("the server", lambda: self.answered(port))
        self.assertEqual(kind, OPEN_METRICS)
        self.assertIn("efs_watchdog_up 1\n", text)
        for path in ("/status", "/", "/../etc/passwd"):
            with self.assertRaises(urllib.error.HTTPError, msg=path) as refused:
                self.get(port, path)
            self.assertEqual(refused.exception.code, 404)
            refused.exception.close()

    def server_pid(self, number):
        """Of the server so numbered that the watchdog has started; it may answer before that is in the log."""
        self.wait_log("serves numbers with PID", number)
        return int(re.findall(r"serves numbers with PID (\d+)", self.log())[number - 1])

    def test_the_server_ends_with_the_watchdog_and_with_its_key(self):
        port = self.served()
        wait_for("the server", lambda: self.answered(port))
        self.set_config("")
        first = self.server_pid(1)
        wait_for("its end", lambda: not alive(first))
        self.set_config(f"metrics_listen = 127.0.0.1:{port}\n")
        wait_for("the next one", lambda: self.answered(port))
        server = self.server_pid(2)
        self.watchdogs[0].kill()
        wait_for("its end with a killed watchdog", lambda: not alive(server))

    def test_strangers_cost_the_watchdog_nothing(self):
        port = self.served()
        wait_for("the server", lambda: self.answered(port))
        silent = [socket.create_connection(("127.0.0.1", port), timeout=WAIT) for _ in range(40)]
        for stranger in silent:
            self.addCleanup(stranger.close)
        self.ask({"v": 1, "op": "ping"})
        try:
            silent[0].sendall(b"\xff" * 20000)
            self.assertEqual(silent[0].recv(1), b"", "too long a request")
        except ConnectionError:
            pass  # reset, with what was not read
        wait_for("an answer, once those who say nothing are dropped", lambda: self.answered(port))
        self.ask({"v": 1, "op": "ping"})

    def as_stranger(self, group):
        """efsctl status as a user that has nothing but this group."""
        return subprocess.run(["setpriv", "--reuid=65534", f"--regid={group}", "--clear-groups", program("efsctl"), "status",
                               "--socket", self.path("status.sock")], capture_output=True, text=True, timeout=WAIT)

    def test_a_group_may_ask_for_the_status_and_nobody_else(self):
        os.chmod(self.root, 0o755)
        port = self.served(status_group="games")
        wait_for("the server", lambda: self.answered(port))
        self.supervised("mnt.a")
        group = grp.getgrnam("games").gr_gid
        done = wait_for("the mount in the status", lambda: (lambda run: run if "/mnt/a" in run.stdout else None)(
            self.as_stranger(group)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("mounted", done.stdout)
        self.assertEqual(os.stat(self.path("status.sock")).st_mode & 0o777, 0o660)
        done = self.as_stranger(65534)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("status_group", done.stderr)

    def test_an_address_that_others_reach_is_refused(self):
        for address in ("0.0.0.0:9633", "[::]:9633", "10.0.0.1:1", "9633", "localhost:9633", "127.0.0.1:x", "unix:relative"):
            with self.subTest(address):
                self.efsctl("--listen", address, code=2)
                self.assertIn("127.0.0.1:PORT", self.err)
        path = self.path("a file")
        write(path, "kept")
        self.efsctl("--listen", "unix:" + path, code=2)
        self.assertEqual(read(path), "kept")

    def test_a_real_prometheus_scrapes_the_watchdogs_server(self):
        port = self.served()
        self.supervised("mnt.a")
        value = self.scraped_by_prometheus(port)
        self.assertEqual(wait_for("a scrape", lambda: value('efs_tunnel_up{mount_point="/mnt/a"}')), "1")
        self.assertEqual(value("up"), "1")

    def test_a_real_prometheus_scrapes_them(self):
        self.start_watchdog()
        self.supervised("mnt.a")
        bench = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = bench.efsctl().encode()
                self.send_response(200)
                self.send_header("Content-Type", OPEN_METRICS)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(lambda: (server.shutdown(), thread.join(), server.server_close()))
        value = self.scraped_by_prometheus(server.server_port)
        self.assertEqual(wait_for("a scrape", lambda: value('efs_tunnel_up{mount_point="/mnt/a"}')), "1")
        self.assertEqual(value("efs_watchdog_up"), "1")
        self.assertEqual(value("up"), "1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
