// Ganesha: a real NFSv4 server (nfs-ganesha) on a free loopback port with directories of its own,
// exporting one of them as "/", as EFS does. It ends with the object, and in any case after 100 s.
#pragma once

#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"
#include "efs/test_support/temp_dir.h"

namespace efs::testing {

struct GaneshaOptions {
  std::string minor_versions = "1, 2";
  std::string export_access = "Access_Type = RW; Squash = No_Root_Squash;";
};

class Ganesha {
 public:
  // The program is here and we are root, which it needs for file handles.
  static bool canRun();

  explicit Ganesha(const GaneshaOptions& options);
  ~Ganesha();
  Ganesha(const Ganesha&) = delete;
  Ganesha& operator=(const Ganesha&) = delete;

  int port() const { return port_; }
  // The exported directory.
  std::string data() const { return dir_.at("data"); }
  // A connection, as soon as the server listens.
  Result<UniqueFd> connect();
  // Directories of probes that the server would let reclaim their state after a restart.
  int clientsOnRecord() const;

 private:
  test_support::TempDir dir_;
  int port_ = 0;
  std::optional<Subprocess> process_;
};

}  // namespace efs::testing
