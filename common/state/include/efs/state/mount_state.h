// The state file of one mount (contract 13, 14): what the helper leaves for the watchdog, in a form
// that efs-utils 3.2.0 reads and writes too. Unknown keys survive a rewrite.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/file_system_kind.h"
#include "efs/base/result.h"

namespace efs::state {

// "<fs id>.<mount point>.<port>" (contract ST-1): the mount point without its leading '/' (and
// leading dots), further '/' as '.'; ".", ".." and doubled '/' are resolved in the text alone. A
// mount point that leaves no room below NAME_MAX is cut, and its digest (shortName()) follows.
std::string mountName(std::string_view fs_id, std::string_view mountpoint, int port);

struct ParsedMountName {
  std::string fs_id;
  std::string safe_mountpoint;  // "mnt.efs"
  int port = 0;
};
std::optional<ParsedMountName> parseMountName(std::string_view name);

// What found the credentials of a mount, so that its renewals find the same; nothing of it is
// secret (CSI-20). Ours alone: efs-utils keeps the key "awsCredentialsOrigin" without reading it.
struct CredentialsOrigin {
  std::string home = {};       // of the profiles, ~/.aws
  std::string directory = {};  // what relative paths begin at
  std::map<std::string, std::string> environment = {};
  // Whose they were; each empty where unknown.
  std::string account = {}, principal = {}, access_key_id = {};
};

// Of the files that this version writes (key "efsmountSchema"). One more for each release that adds
// a key: an existing key never changes its type or meaning, and efs-utils keeps ours. So an older
// version does its work with what it knows, and a newer one finds again what it has added.
// docs/contract/state.md has what each number added; tests/data/state has a file of each.
inline constexpr std::int64_t kStateSchema = 1;

struct MountState {
  // Of the version that wrote the file: 0 where it has none (efs-utils, ours before 0.1.0). A
  // higher one than ours stays when the file is written anew.
  std::int64_t schema = kStateSchema;
  std::optional<pid_t> pid;          // -1 before the tunnel runs
  std::vector<std::string> cmd;      // argv that restarts the tunnel
  std::vector<std::string> files;    // removed at clean-up
  std::optional<double> mount_time;  // seconds since the epoch
  std::string mountpoint;            // empty in files of efs-utils < 1.31.3
  // Of the mount's kind, kindOfService(); missing in files of efs-utils < 3.0.
  std::string service_type{factsOf(FileSystemKind::kEfs).service};
  std::string mount_state_dir;  // "<mount name>+", empty without TLS
  std::string common_name;
  std::string region;
  std::string fs_id;
  std::string certificate;  // paths; certificate not empty = renewal wanted
  std::string private_key;
  std::string certificate_creation_time;  // yymmddHHMMSSZ, UTC
  std::string access_point;
  std::string aws_credentials_method;  // contract CRED-10
  // When the credentials that signed the certificate end, yymmddHHMMSSZ; ours alone. The
  // certificate is renewed before.
  std::string credentials_expiration;
  std::optional<CredentialsOrigin> credentials_origin;
  std::int64_t unmount_count = 0;
  std::optional<double> unmount_time;
  // Every key of the file that this version does not know, as a JSON object, kept on rewrite.
  std::string unknown_keys = "{}";

  // `name` stands for the file in messages. Null counts as absent; a wrong type is kInvalidInput.
  static Result<MountState> parse(std::string_view json, const std::string& name);
  std::string serialize() const;
};

std::string certificateTimeText(WallTime time);  // yymmddHHMMSSZ
std::optional<WallTime> parseCertificateTime(std::string_view text);

}  // namespace efs::state
