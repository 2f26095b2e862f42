#!/usr/bin/python3
"""Promise: no input that efs-utils with botocore resolves is resolved differently by us without a
reason that stands in ARGUED (differential_argued.py).

A seeded generator (differential_cases.py) makes homes; the oracle (botocore_oracle.py) and our chain
resolve the same; keys, token, end, the requests that either would send to AWS, the refreshed log-in, and
where DescribeMountTargets would go are compared. A difference is made as small as it gets and printed.

EFS_SEEDS=first:count chooses the seeds; EFS_BOTOCORE_PYTHON the Python whose botocore is asked.
"""
import os
import sys
import unittest

from differential import NOW, Judge, Oracle, Ours, for_old, kind_of, minimised, resolve, show
from differential_argued import ARGUED
from differential_cases import Case
from differential_examples import EXAMPLES, FOUND, MORE_EXAMPLES, REFUSED

FIRST, COUNT = (int(part) for part in os.environ.get("EFS_SEEDS", "0:500").split(":"))

AT_ONCE = 50


class SameAsBotocore(unittest.TestCase):
    def setUp(self):
        self.oracle, self.ours = Oracle(), Ours()
        self.addCleanup(self.oracle.close)
        self.addCleanup(self.ours.close)

    def both(self, case):
        return self.all([case])[0]

    def all(self, cases):
        answers = resolve(self.ours, self.oracle, cases)
        for case, (mine, theirs) in zip(cases, answers):
            if self.oracle.is_old() or not case.get("api", True):
                mine["api"] = theirs["api"] = {"error": "not compared"}
        return answers

    def random_homes(self):
        """(seed, case, mine, theirs)"""
        for first in range(FIRST, FIRST + COUNT, AT_ONCE):
            seeds = range(first, min(first + AT_ONCE, FIRST + COUNT))
            cases = [Case(seed, NOW).given() for seed in seeds]
            if self.oracle.is_old():
                cases = [for_old(case) for case in cases]
            for seed, case, answers in zip(seeds, cases, self.all(cases)):
                yield seed, case, *answers

    def cases(self, examples):
        """(name, case) of pairs or of a dict."""
        for name, example in examples.items() if isinstance(examples, dict) else examples:
            case = {"profile": "p", "region": "ca-central-1", "answers": {}, **example}
            case["environment"] = {"PATH": "/usr/bin:/bin", **example.get("environment", {})}
            if self.oracle.is_old() and (for_old(case)["files"] != case["files"] or "of_api" in example):
                continue
            yield name, case

    def test_what_differed_once_does_so_no_more(self):
        for name, case in self.cases(FOUND):
            with self.subTest(name=name):
                mine, theirs = self.both(case)
                self.assertIsNone(Judge({}, self.both).difference(case, mine, theirs), (mine, theirs))
                self.assertIn("keys", theirs)

    def test_what_botocore_refuses_is_refused(self):
        for name, case in self.cases(REFUSED):
            with self.subTest(name=name):
                mine, theirs = self.both(dict(case, api=False))
                self.assertIn("error", mine)
                self.assertIn("error", theirs)

    def test_each_argued_difference_is_one(self):
        """CRED-3, CRED-4, CRED-6: the contract's chain wins over botocore's."""
        self.assertEqual(set(EXAMPLES), set(ARGUED))
        more = [] if self.oracle.is_old() else MORE_EXAMPLES
        for name, case in self.cases([*EXAMPLES.items(), *more]):
            with self.subTest(name=name):
                mine, theirs = self.both(case)
                what = Judge({name: ARGUED[name]}, self.both, {}).difference(case, mine, theirs)
                self.assertEqual(what, f"[{name}]", (mine, theirs))

    def test_random_homes(self):
        judge = Judge(ARGUED, self.both)
        kinds, resolved, failed = {}, 0, []
        for seed, case, mine, theirs in self.random_homes():
            if self.oracle.is_old() and theirs.get("error") == "AttributeError":
                # It breaks on a role whose source is a log-in by sso_session (1.29): no answer.
                kinds["botocore broke"] = kinds.get("botocore broke", 0) + 1
                continue
            resolved += "keys" in theirs
            what = judge.difference(case, mine, theirs)
            kind = kind_of(what)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind and not kind.startswith("["):
                failed.append(seed)
                if len(failed) <= int(os.environ.get("EFS_SHOWN", "10")):
                    small, what = minimised(judge.judge, case, what)
                    show(seed, small, what, *self.both(small))
            if (seed - FIRST) % 1000 == 999:
                print(f"up to seed {seed}: {len(failed)} unexplained", file=sys.stderr, flush=True)
        print(f"botocore {self.oracle.version}: seeds {FIRST} to {FIRST + COUNT - 1}, {resolved} resolved by "
              f"it; {kinds}", file=sys.stderr)
        self.assertEqual(failed, [], "seeds with a difference that nobody argued")
        # A generator that breaks nearly everything proves nothing.
        self.assertGreater(resolved, COUNT // 4)


if __name__ == "__main__":
    unittest.main()
