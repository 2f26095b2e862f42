// PooledRelay: moves whole RPC records between a client and several connections of one partition.
// Pure: Transports and nothing else, driven by pump() like Relay.
//
// A record goes to the connection where the fewest bytes are outstanding (chooseChannel), once its
// header is whole; CallRoute says what must stay on the first. One that takes nothing more gets no
// further record, and the others go on. Replies reach the client record by record, in the order in
// which they are whole.
//
// When a connection ends with calls unanswered, the client is not read any more; the others may
// still answer what they have (closing()), then the outcome is kCallsLost: the client must be
// reset, so that the kernel replays. A reply is never lost, made up or given twice. One that ends
// with nothing unanswered just leaves, but for the first, whose end is the end.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "efs/tls_tunnel/relay.h"
#include "efs/tls_tunnel/upstream/call_route.h"
#include "efs/tls_tunnel/upstream/channel.h"

namespace efs::tls_tunnel {

// What a choice is made from.
struct ChannelLoad {
  bool takes_records = false;
  std::uint64_t outstanding_bytes = 0;
};
// For a record that any may carry: the least loaded that takes records, the first of equals;
// nullopt when none does.
std::optional<std::size_t> chooseChannel(std::span<const ChannelLoad> loads);

class PooledRelay final : public ByteMover {
 public:
  // All must outlive the relay. `calls` sees the client's bytes as they come, and the replies as
  // the client gets them.
  PooledRelay(io::Transport& client, io::Transport& first, const Limits& limits,
              CallTracker* calls);

  Outcome pump() override;
  std::uint64_t bytesUp() const override { return bytes_up_; }
  std::uint64_t bytesDown() const override;
  bool halfClosed() const override { return client_ended_ || closing_; }
  bool clientEnded() const override { return client_ended_; }
  bool clientBlocks() const override;
  bool serverBlocks() const override { return !ring_.empty(); }
  bool holdsMemory() const override;
  void releaseMemory() override;

  // One more connection, of the same partition.
  void add(std::unique_ptr<io::Transport> transport);
  // The first one included.
  std::size_t connections() const { return channels_.size(); }
  // Records so far that any connection may have carried.
  std::uint64_t freeRecords() const { return free_records_; }
  // All but the first leave as soon as nothing is unanswered on them.
  void retireOthers();
  // Those that have left; nothing here refers to them any more.
  std::vector<std::unique_ptr<io::Transport>> takeLeft() { return std::move(left_); }
  // Calls are lost; the others' answers are still passed on.
  bool closing() const { return closing_; }
  // Of kCallsLost.
  const Error& error() const { return error_; }

 private:
  struct Member {
    std::unique_ptr<io::Transport> owned;  // none for the first
    std::unique_ptr<Channel> channel;
  };
  // The record of the client's that is on its way.
  struct Passage {
    Channel* channel = nullptr;  // none: between records
    std::size_t fragment_left = 0;
    std::size_t record = 0;  // announced so far
    bool last = false;
  };

  bool takeFromClient();
  bool route();
  // Chooses a connection for the record at the front; false when that cannot be done now.
  bool beginRecord();
  bool beginFragment();
  std::string_view front(std::size_t most);
  Channel* choose(const CallRoute& route);
  bool deliver();
  Channel* nextToDeliver();
  void passEnd();
  void bury(std::size_t index);
  void looseEnds();
  std::optional<Outcome> ended();
  void fail(const Error& error);
  bool othersAnswer() const;

  io::Transport& client_;
  CallTracker* calls_;
  io::ByteRing ring_;  // from the client
  std::size_t resume_at_;
  std::size_t bytes_per_turn_;
  std::vector<Member> channels_;
  std::vector<std::unique_ptr<io::Transport>> left_;
  std::array<char, kRouteBytes + rpc::kMarkSize> scratch_{};
  Passage passage_;
  Channel* delivering_ = nullptr;
  std::size_t delivering_left_ = 0;
  std::size_t next_delivery_ = 0;
  std::uint64_t bytes_up_ = 0;
  std::uint64_t left_bytes_down_ = 0;
  std::uint64_t free_records_ = 0;
  bool paused_ = false;
  bool client_ended_ = false;
  bool client_failed_ = false;
  bool starved_ = false;
  bool closing_ = false;
  bool broken_ = false;
  Error error_{ErrorKind::kInternal, "no error"};
};

}  // namespace efs::tls_tunnel
