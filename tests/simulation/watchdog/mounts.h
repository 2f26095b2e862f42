// Mounts: the kernel's mount table, with mounts on top of each other and within each other, and the
// NFS clients behind them, which live as long as anything uses them and say good bye to their
// server.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mounts/mount_table.h"

namespace efs::watchdog::simulation {

struct World;

// A superblock with the NFS client behind it; two mounts of one tunnel share it.
struct NfsClient {
  int port = 0;
  dev_t device = 0;
  std::string file_system;
  std::string identity;     // of the tunnel through which it was made
  std::string name;         // the NFS client identifier
  std::uint64_t roots = 0;  // FileSystem::roots when it was made
  int users = 0;            // mounts of any namespace, descriptors of new mounts, open files
  int open_files = 0;       // of the users
  bool leaving = false;     // says good bye
  bool gone = false;
  bool connected = false;
  bool busy = false;  // applications call all the time
  bool locks = false;
  std::uint64_t answers = 0, calls = 0;
  std::uint64_t questions = 0;  // about its root, sent and not answered yet
  std::optional<MonoTime> waiting_since;
  std::optional<MonoTime> told;  // when a hang was told that is not told to be over
  MonoTime answered_at{};        // when its server was last in reach
  MonoTime unhealthy{};          // when it last could not reach its server, or its root was gone
  MonoTime connected_at{};
  std::uint64_t attempt = 0;
};
using NfsClientPtr = std::shared_ptr<NfsClient>;

struct Mount {
  int id = 0, parent = 0;
  std::uint64_t unique = 0;
  std::string target, root = "/", type, source, options;
  dev_t device = 0;
  NfsClientPtr client;  // null: no mount of a tunnel
};

class Mounts {
 public:
  explicit Mounts(World& world);

  const mounts::MountTable& table();
  // On top at exactly this path; null: nothing.
  const Mount* top(const std::string& path) const;
  // The mount in which the path lies.
  const Mount& at(const std::string& path) const;
  const Mount* withUnique(std::uint64_t unique) const;
  std::vector<const Mount*> within(int id) const;
  const std::list<Mount>& all() const { return mounts_; }

  // On top of what is at the path now.
  const Mount& attach(const std::string& path, NfsClientPtr client);
  const Mount& attachBeneath(const Mount& over, NfsClientPtr client);
  const Mount& attachOther(const std::string& path, const std::string& type);
  // With everything within it.
  void detach(int id);

  NfsClientPtr newClient(int port, const std::string& file_system);
  void use(const NfsClientPtr& client) { ++client->users; }
  void release(const NfsClientPtr& client);
  // Those that the kernel still has, leaving ones included.
  const std::vector<NfsClientPtr>& clients() const { return clients_; }
  NfsClientPtr clientOn(int port) const;
  bool reaches(const NfsClient& client) const;
  bool isStale(const NfsClient& client) const;

  // Somebody wants an answer: a client without a connection makes one now.
  void demand(const NfsClientPtr& client);
  // The tunnel of this port has ended its connection.
  void cutOff(int port);
  // What has happened since the last look: calls that were answered, calls that wait.
  void settle();

 private:
  const Mount& add(Mount mount);
  void changed();
  void connect(const NfsClientPtr& client, Duration delay);
  void connected(NfsClient& client);
  void leave(const NfsClientPtr& client, MonoTime since);
  void settle(NfsClient& client, MonoTime now);

  World& world_;
  std::list<Mount> mounts_;
  std::vector<NfsClientPtr> clients_;
  std::optional<mounts::MountTable> table_;
  int last_id_ = 30;
  std::uint64_t last_unique_ = 1ULL << 32U;
  dev_t last_device_ = 40;
  MonoTime settled_{};
};

}  // namespace efs::watchdog::simulation
