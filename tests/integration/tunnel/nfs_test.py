"""Real NFS through the tunnel: libnfs's nfs-ls and nfs-cat (NFSv4.0) read a nfs-ganesha export
behind stunnel, names and bytes unchanged, over several connections of one tunnel."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from efs_test.processes import free_port
from efs_test.servers import pattern
from efs_test.tls_peers import Child, stunnel
from efs_test.tunnel import Tunnel, TunnelTest
from efs_test.waiting import WAIT, wait_for

GANESHA = """NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1;
  Enable_UDP = false; Enable_NLM = false; Enable_RQUOTA = false; }}
NFSv4 {{ Graceless = true; Minor_Versions = 0, 1, 2; RecoveryBackend = fs; RecoveryRoot = "{run}";
  Only_Numeric_Owners = true; }}
NFS_KRB5 {{ Active_krb5 = false; }}
EXPORT {{ Export_Id = 1; Path = "{data}"; Pseudo = "/export"; Protocols = 4; Transports = TCP;
  Access_Type = RO; Squash = No_Root_Squash; SecType = sys; FSAL {{ Name = VFS; }} }}
LOG {{ Default_Log_Level = EVENT; }}
"""


@unittest.skipUnless(shutil.which("ganesha.nfsd") and shutil.which("nfs-cat"),
                     "nfs-ganesha or libnfs-utils is not installed")
class Nfs(TunnelTest):
    def test_reads_files_of_a_real_nfs_server(self):
        top = tempfile.mkdtemp(prefix="efs-nfs-")
        self.addCleanup(shutil.rmtree, top, True)
        data, run, port = os.path.join(top, "data"), os.path.join(top, "run"), free_port()
        for folder in (data, run):
            os.mkdir(folder)
        content = pattern(5 << 20)
        with open(os.path.join(data, "big"), "wb") as out:
            out.write(content)
        config = os.path.join(top, "ganesha.conf")
        with open(config, "w") as out:
            out.write(GANESHA.format(port=port, run=run, data=data))
        self.keep(Child(["ganesha.nfsd", "-F", "-f", config, "-L", os.path.join(top, "log"), "-p",
                         os.path.join(top, "pid")], port))
        server = self.keep(stunnel(port))
        tunnel = self.keep(Tunnel(server.port, tls=True))
        url = f"nfs://127.0.0.1/export{{}}?version=4&nfsport={tunnel.port}"
        listing = subprocess.run(["nfs-ls", url.format("")], capture_output=True, timeout=WAIT)
        self.assertIn(b" big", listing.stdout, listing.stderr)
        for _ in range(2):
            got = subprocess.run(["nfs-cat", url.format("/big")], capture_output=True, timeout=WAIT)
            self.assertEqual(hashlib.sha256(got.stdout).hexdigest(),
                             hashlib.sha256(content).hexdigest(), got.stderr)
        # libnfs ends its connections by reset; each end is one line.
        wait_for("three ended connections", lambda: tunnel.log().count(" ended after ") == 3)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("nfs-ganesha needs root; skipped")
        sys.exit(0)
    unittest.main()
