"""Promise: bash completes what efsctl(8) and mount.efs(8) know, asked of the programs themselves."""
import os
import shutil
import subprocess
import unittest

from efs_test.programs import BIN, SOURCE


@unittest.skipUnless(shutil.which("bash"), "no bash here")
class Completion(unittest.TestCase):
    def complete(self, program, *words, file=None):
        """What bash offers for the last of the words."""
        function = "_" + (file or program).replace(".", "_")
        # compopt works only while bash completes for real.
        script = (f'compopt() {{ :; }}; . "{SOURCE}/packaging/completion/{file or program}"; COMP_WORDS=({program} "$@"); '
                  f'COMP_CWORD=$#; {function}; printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, timeout=60, check=True,
                              env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_the_commands_of_efsctl(self):
        self.assertEqual(self.complete("efsctl", "st"), ["status"])
        self.assertIn("config", self.complete("efsctl", ""))

    def test_the_options_of_a_command(self):
        self.assertEqual(self.complete("efsctl", "status", "--j"), ["--json"])
        self.assertEqual(self.complete("efsctl", "config", "--c"), ["--config"])

    def test_the_last_of_several_mount_options(self):
        self.assertEqual(self.complete("mount.efs", "fs-0", "/mnt", "-o", "tls,access"), ["tls,accesspoint="])
        self.assertEqual(self.complete("mount.efs", "fs-0", "/mnt", "-o", "capath"), [])

    # Section 21
    def test_each_helper_offers_its_own_options(self):
        def offered(helper, word):
            return self.complete(helper, "fs-0", "/mnt", "-o", word, file="mount.efs")
        self.assertEqual(offered("mount.s3files", "ro,azi"), ["ro,azid="])
        self.assertEqual(offered("mount.s3files", "cross"), [])
        self.assertEqual(offered("mount.efs", "azi"), [])
        self.assertEqual(offered("mount.efs", "cross"), ["crossaccount"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
