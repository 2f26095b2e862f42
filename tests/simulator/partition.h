// Partitions: the private program by which a client binds several connections to one part of the
// server that knows its NFS sessions (program 400123, as efs-proxy 3.2.0 speaks it).
//
// All connections of a file system lead to the same nfs-ganesha, which knows every session on every
// connection. The partitions are this front's: it remembers on which partition a session was made,
// and answers NFS4ERR_BADSESSION itself where a call of that session comes on a connection that is
// bound to another one. A connection that is bound to none knows all sessions, and one made there
// is known everywhere, as for a client that has never heard of partitions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "nfs_denial.h"

namespace efs::simulator {

// Which session belongs to which partition; shared by all connections.
class SessionTable {
 public:
  // nullopt: made on a connection that is bound to none.
  void made(const std::string& session, std::optional<int> partition);
  bool knownTo(const std::string& session, int partition) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::optional<int>> partition_of_;
};

// What a mount target answers to bind calls: one word after the other, the last for ever.
// ready[=N] retry retry-later preferred[=N] error unknown unserved garbage close silent
// Without N the partitions take turns.
class BindScript {
 public:
  struct Answer {
    std::string word;
    int partition = 0;  // of ready and preferred
  };
  explicit BindScript(int partitions) : partitions_(partitions) {}
  // Refuses an unknown word or partition.
  Status set(const std::vector<std::string>& words);
  Answer next();

 private:
  std::mutex mutex_;
  int partitions_;
  std::vector<Answer> answers_{{"ready", -1}};
  std::size_t at_ = 0;
  int turn_ = 0;
};

// A bind call as it was answered.
struct Binding {
  std::string answer;
  std::optional<int> partition;  // with the answer ready
  std::string identifier;        // hexadecimal
  std::uint64_t incarnation = 0;
};

// What a connection tells its mount target.
struct PartitionEvents {
  std::function<void(const Binding&)> bound;
  // A call on a bound connection; `first_only`: one that only the first of a client's connections
  // may carry, for it begins with no SEQUENCE of a session.
  std::function<void(bool first_only)> call;
  std::function<void()> bad_session;
};

// The filters of one connection. It follows records only while that matters: the first, and all of
// a connection that is bound.
class PartitionFilter {
 public:
  PartitionFilter(const Partitions& terms, const std::string& fs_id, BindScript& script,
                  SessionTable& sessions, PartitionEvents events);
  PartitionFilter(const PartitionFilter&) = delete;
  PartitionFilter& operator=(const PartitionFilter&) = delete;

  RecordFilter& calls() { return calls_; }
  RecordFilter& replies() { return replies_; }
  // Records of our own for the client: they go out between two of the server's.
  std::string takeAnswers() { return std::exchange(answers_, {}); }
  // The answer to the bind call is the end of the connection.
  bool closes() const { return closes_; }

 private:
  void onCall(std::string& record);
  void onReply(std::string& record);
  void bind(std::uint32_t xid, std::string_view arguments);
  void answer(std::uint32_t xid, std::uint32_t accepted, const std::string& body);
  std::string bindBody(const BindScript::Answer& given) const;

  const Partitions& terms_;
  const std::string& fs_id_;
  BindScript& script_;
  SessionTable& sessions_;
  PartitionEvents events_;
  bool first_ = true;
  std::optional<int> partition_;
  std::set<std::uint32_t> making_;  // calls of CREATE_SESSION
  std::string answers_;
  bool closes_ = false;
  RecordFilter calls_;
  RecordFilter replies_;
};

}  // namespace efs::simulator
