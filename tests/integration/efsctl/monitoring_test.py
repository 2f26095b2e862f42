#!/usr/bin/python3
"""Promise: the alert rules and the dashboard that we ship ask for metrics that exist, and the rules tell each fault.

promtool is Debian's (package prometheus, tests/testbed/packages.sh).
"""
import json
import re
import unittest

from efs_test.programs import SOURCE, run

FOLDER = SOURCE / "packaging/monitoring"


def metrics():
    """All that efsctl metrics may write."""
    source = (SOURCE / "efsctl/metrics/metric_table.cc").read_text()
    return set(re.findall(r'Metric\{"(\w+)"', source)) | {"efs_watchdog_up", "efs_mounts", "efs_mount_info"} | \
        {"efs_tunnel_call_duration_seconds" + part for part in ("_bucket", "_count", "_sum")}


def asked(text):
    return set(re.findall(r"\befs_\w+", text))


class Monitoring(unittest.TestCase):
    def test_rules_ask_for_metrics_that_exist(self):
        rules = "\n".join(re.findall(r"^\s+expr: (.*)$", (FOLDER / "alerts.yml").read_text(), re.M))
        self.assertGreater(len(asked(rules)), 5)
        self.assertLessEqual(asked(rules), metrics())

    def test_the_documentation_has_the_same_alerts(self):
        rules = re.findall(r"^  - alert: (\w+)$", (FOLDER / "alerts.yml").read_text(), re.M)
        table = re.findall(r"^\| `(\w+)` \|", (SOURCE / "docs/monitoring.md").read_text(), re.M)
        self.assertEqual(table, rules)

    def test_the_dashboard_asks_for_metrics_that_exist(self):
        board = json.loads((FOLDER / "dashboard.json").read_text())
        questions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        questions += [variable["query"] for variable in board["templating"]["list"]]
        self.assertGreater(len(asked(" ".join(questions))), 10)
        self.assertLessEqual(asked(" ".join(questions)), metrics())

    def test_rules_tell_each_fault_and_nothing_else(self):
        run("promtool", "check", "rules", FOLDER / "alerts.yml")
        run("promtool", "test", "rules", FOLDER / "alerts_test.yml", cwd=FOLDER)


if __name__ == "__main__":
    unittest.main(verbosity=2)
