#!/usr/bin/env bash
# The rule checker must itself be able to fail: each bad file below has to be reported, and a good tree not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{cmake,common/base,common/net/include/efs/net,watchdog,efsctl,tests} "$root"/mount_helper/{request,plan,carry_out}
cp "$here/../../cmake/Layers.cmake" "$root/cmake/"

expect() {  # expect FILE CONTENT TEXT: the checker reports TEXT for FILE
  printf '%b' "$2" > "$root/$1"
  if out=$(python3 "$here/check_tree.py" --root "$root"); then echo "not reported: $1 ($3)"; exit 1; fi
  grep -qF "$3" <<< "$out" || { echo "expected '$3', got: $out"; exit 1; }
  rm "$root/$1"
}

printf '#include "efs/base/error.h"\n' > "$root/common/net/good.cc"
printf '#pragma once\n' | tee "$root"/mount_helper/{request/mount_request,carry_out/session}.h > /dev/null
printf '#include "request/mount_request.h"\n' | tee "$root"/{efsctl,mount_helper/plan}/good.cc > /dev/null
python3 "$here/check_tree.py" --root "$root" > /dev/null

expect common/base/up.cc '#include "efs/net/address.h"\n' 'layer: base must not include net'
expect common/net/side.cc '#include "efs/state/mount_state.h"\n' 'layer: net must not include state'
expect watchdog/other.cc '#include "efs/tls_tunnel/relay.h"\n' 'program watchdog includes program tls_tunnel'
expect mount_helper/request/up.cc '#include "plan/mount_plan.h"\n' 'layer: request must not include plan'
expect mount_helper/request/out.cc '#include "carry_out/session.h"\n' 'layer: request must not include mount_helper'
expect efsctl/guest.cc '#include "carry_out/session.h"\n' 'program efsctl includes program mount_helper'
expect mount_helper/plan/doer.cc '#include "efs/base/files.h"\n' 'pure: plan must not include efs/base/files.h'
expect common/net/ssl.cc '#include <openssl/ssl.h>\n' 'third party: openssl/ssl.h'
expect common/net/run.cc 'int f() { return system("x"); }\n' 'banned: system('
expect common/net/fd.cc 'void f(int fd) { ::close(fd); }\n' 'banned: ::close('
expect common/net/later.cc '// TO''DO: later\n' 'banned: TO''DO'
expect common/net/kind.cc 'auto a = "elasticfilesystem";\n' 'kind: elasticfilesystem'
expect efsctl/kind.cc 'auto a = "fs-1.efs.us-east-1";  // a name\n' 'kind: .efs.'
expect common/net/long.cc "$(printf 'int a;\\n%.0s' $(seq 501))" 'size: 501 lines'
expect common/net/deep.cc "void f() {\n$(printf '  g();\\n%.0s' $(seq 80))}\n" 'size: function of'
expect common/net/include/efs/net/h.h '#include "efs/net/h.h"\n' 'include cycle'
expect mount_helper/plan/h.h '#pragma once\n#include "plan/h.h"\n' 'include cycle'
expect common/net/include/efs/net/g.h 'int a;\n' '#pragma once is missing'
echo "every rule can fail"
