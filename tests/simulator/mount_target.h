// One mount target: an address that serves TLS and plain NFS on one port, judges the client, and
// relays to the NFS server of the file system and access point.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "certificate_check.h"
#include "ganesha.h"
#include "network.h"
#include "relay.h"
#include "server_identity.h"
#include "world.h"

namespace efs::simulator {

// Snapshot for the `stats` command.
struct TargetStats {
  std::string fs_id;
  std::string az;
  std::string ip;
  std::string mode;
  int delay_ms = 0;
  std::uint64_t connections = 0;  // accepted since the start
  std::uint64_t open = 0;
  std::uint64_t probes = 0;  // closed before the first byte
  std::uint64_t tls = 0;     // handshakes that ended well
  std::uint64_t plain = 0;
  std::uint64_t handshake_failures = 0;
  std::uint64_t refused = 0;  // by certificate
  std::uint64_t denied = 0;   // compounds denied by policy
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::map<std::string, std::uint64_t> by_access_point;  // relayed connections; "" is the root
  std::map<std::string, std::uint64_t> binds;            // bind calls, by their answer
  std::uint64_t bad_sessions = 0;  // calls of a session that another partition made
};

struct ConnectionInfo {
  std::uint64_t id;
  std::string peer;
  std::string access_point_id;
  bool tls;
  std::uint64_t bytes_in;
  std::uint64_t bytes_out;
  Binding binding;
  std::uint64_t calls;
  std::uint64_t first_only;
};

class MountTarget {
 public:
  static Result<std::unique_ptr<MountTarget>> start(World& world, const ServerIdentity& identity,
                                                    const GaneshaPool& servers,
                                                    const FileSystem& fs,
                                                    const TargetConfig& target);
  MountTarget(const MountTarget&) = delete;
  MountTarget& operator=(const MountTarget&) = delete;
  ~MountTarget();

  const std::string& fsId() const { return fs_.id; }
  const std::string& az() const { return target_.az; }
  const std::string& azId() const { return target_.az_id; }

  // Listening, answering, no delay, no limit; bind calls by `binds` from the first on (BindScript).
  Status behave(const std::vector<std::string>& binds);
  // Closes the port; open connections stay.
  void refuse();
  // Accepts but neither reads nor answers, on open connections too.
  Status blackhole();
  // Latency before each chunk that was read or written.
  Status delay(int ms);
  // Bytes a second of one connection; 0: no limit.
  void limit(int bytes_per_sec);
  // What bind calls are answered (BindScript).
  Status answerBinds(const std::vector<std::string>& words) { return binds_.set(words); }
  void resetConnections();
  void closeIdleConnections();
  // Resets one bound connection that carries calls, not a client's first: the newest.
  void cutOne();
  // Listens on the new address instead.
  Status move(const std::string& ip);

  TargetStats stats() const;
  std::vector<ConnectionInfo> connections() const;

 private:
  // What the judgement of a connection found.
  struct Verdict {
    std::string access_point_id;
    std::string arn;  // empty: no identity
  };

  MountTarget(World& world, const ServerIdentity& identity, const GaneshaPool& servers,
              const FileSystem& fs, TargetConfig target)
      : world_(world),
        identity_(identity),
        servers_(servers),
        fs_(fs),
        target_(std::move(target)),
        binds_(fs.partitions.count) {}
  Status listen();
  void admit(UniqueFd fd);
  void serve(UniqueFd fd, LiveConnection& live);
  std::optional<Stream> openStream(UniqueFd fd, LiveConnection& live);
  std::optional<Verdict> judge(const Stream& stream, const LiveConnection& live);
  void relayNfs(Stream client, LiveConnection& live, const Verdict& verdict);
  PartitionEvents partitionEvents(LiveConnection& live);
  // Waits while the target is a black hole; false when the connection has to end.
  bool waitForLight(const LiveConnection& live) const;
  void pokeAll(Order order);

  World& world_;
  const ServerIdentity& identity_;
  const GaneshaPool& servers_;
  const FileSystem& fs_;
  TargetConfig target_;  // ip guarded by mutex_
  std::atomic<bool> blackhole_{false};
  std::atomic<bool> refusing_{false};
  std::atomic<int> delay_ms_{0};
  std::atomic<int> limit_{0};
  BindScript binds_;
  mutable std::mutex mutex_;  // guards all below except crew_
  std::map<std::uint64_t, std::unique_ptr<LiveConnection>> live_;
  std::uint64_t next_id_ = 1;
  bool stopping_ = false;
  TargetStats stats_;
  ThreadCrew crew_;
  std::mutex listener_mutex_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace efs::simulator
