// PartitionSearch: looks for further connections to a partition, beside the traffic.
//
// Three attempts side by side, each a new connection with the bind call: at most 20 s each, 15 s
// and 120 attempts in all. READY with the wanted partition is what is looked for; READY with
// another one, RETRY and PREFERRED mean again; RETRY_LATER, ERROR and what nobody knows end the
// search; what breaks is tried again after a pause. The server puts a connection where it likes,
// and a binding cannot be wished for, hence the search.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "efs/loop/event_loop.h"
#include "efs/tls_tunnel/upstream/bind_exchange.h"
#include "efs/tls_tunnel/upstream_connector.h"

namespace efs::tls_tunnel {

struct SearchLimits {
  std::size_t side_by_side = 3;
  std::size_t attempts = 120;
  Duration attempt{20000};
  Duration all{15000};
  Duration pause{250};  // after what broke
};

class PartitionSearch {
 public:
  struct Wish {
    std::string partition;
    std::size_t connections = 0;
    BindIdentity who;
  };
  // Makes the connector of one attempt, not yet started, and starts it.
  using Connect = std::function<std::unique_ptr<UpstreamConnector>(UpstreamConnector::Done)>;
  // A connection of the partition, unwatched.
  using Found = std::function<void(std::unique_ptr<io::Transport>)>;
  // Once; everything wished for was found, or why not. May destroy the search.
  using Done = std::function<void(Status)>;

  PartitionSearch(loop::EventLoop& loop, const SearchLimits& limits, Wish wish, Connect connect);
  void start(Found found, Done done);

 private:
  struct Attempt {
    std::unique_ptr<UpstreamConnector> connector;
    std::unique_ptr<io::Transport> transport;
    std::optional<BindExchange> exchange;
    loop::EventLoop::Watch watch;  // after the transport: it ends first
    loop::EventLoop::Timer deadline;
  };
  using AttemptRef = std::list<Attempt>::iterator;

  void keepTrying();
  void begin();
  void connected(AttemptRef attempt, Result<ConnectedUpstream> result);
  void step(AttemptRef attempt);
  void judge(AttemptRef attempt, const Result<BindAnswer>& answer);
  void broke(AttemptRef attempt);
  void finish(const Status& status);

  loop::EventLoop& loop_;
  const SearchLimits limits_;
  Wish wish_;
  Connect connect_;
  Found found_;
  Done done_;
  std::list<Attempt> attempts_;
  std::size_t begun_ = 0;
  loop::EventLoop::Timer overall_;
  loop::EventLoop::Timer pause_;
  loop::EventLoop::Timer finisher_;
};

}  // namespace efs::tls_tunnel
