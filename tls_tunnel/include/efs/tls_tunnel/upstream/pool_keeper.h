// PoolKeeper: decides how many connections a client that is bound to a partition has, and watches
// those beside the first: finds more where the traffic is worth it, lets them leave when it is not,
// and notices when one is dead.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "efs/loop/event_loop.h"
#include "efs/tls_tunnel/peer_watch.h"
#include "efs/tls_tunnel/session_context.h"
#include "efs/tls_tunnel/upstream/partition_binding.h"
#include "efs/tls_tunnel/upstream/partition_search.h"
#include "efs/tls_tunnel/upstream/pooled_relay.h"

namespace efs::tls_tunnel {

class PoolKeeper {
 public:
  // They may call stop(), and must not destroy the keeper.
  struct Events {
    std::function<void()> moved;  // a further connection can be read or written
    std::function<void()> lost;   // calls are lost for good: relay.error()
  };

  // All must outlive it. `id` names the client's connection in the log.
  PoolKeeper(SessionContext& context, std::uint64_t id, const PartitionBinding& binding,
             PooledRelay& relay, Events events)
      : context_(context), id_(id), binding_(binding), relay_(relay), events_(std::move(events)) {}

  // After the relay has moved: those that left, and calls that are lost.
  void tend();
  // True while bytes are under way on a further connection; one whose server acknowledges nothing
  // is ended.
  bool look();
  // No timer runs, no search goes on.
  void stop();

 private:
  struct Other {
    PeerWatch peer_watch;
    loop::EventLoop::Watch watch;
  };

  // Judges a second of traffic: are more connections worth while, or fewer?
  void judgeLoad();
  void search();
  std::unique_ptr<UpstreamConnector> connect(UpstreamConnector::Done done);
  // One more connection; the relay's from here on.
  void join(std::unique_ptr<io::Transport> transport);
  // So many of ours count no more among those of all clients.
  void uncount(std::size_t connections);

  SessionContext& context_;
  std::uint64_t id_;
  const PartitionBinding& binding_;
  PooledRelay& relay_;
  Events events_;
  std::map<const io::Transport*, Other> others_;  // of relay_; die before it
  std::size_t counted_ = 0;                       // of them in context_.scale.joined
  std::unique_ptr<PartitionSearch> search_;
  loop::EventLoop::Timer load_timer_;
  loop::EventLoop::Timer lost_timer_;
  std::uint64_t moved_at_judgement_ = 0;
  Duration above_threshold_{0};
  Duration below_threshold_{0};
};

}  // namespace efs::tls_tunnel
