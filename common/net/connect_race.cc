#include "efs/net/connect_race.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "efs/base/wait.h"
#include "efs/net/socket.h"

namespace efs::net {
namespace {

class Race {
 public:
  Race(const std::vector<Endpoint>& addresses, const Clock& clock, const RaceTimes& times)
      : addresses_(addresses), clock_(clock), times_(times), next_start_(clock.monotonic()) {
    outcome_.attempts.resize(addresses.size());
  }

  Result<RaceOutcome> run() {
    while (!outcome_.winner) {
      const MonoTime now = clock_.monotonic();
      endSilentOnes(now);
      if (next_ < addresses_.size() && (running_.empty() || now >= next_start_)) {
        begin(now);
        continue;
      }
      if (running_.empty()) break;
      EFS_CHECK(wait(now));
    }
    const MonoTime end = clock_.monotonic();
    for (const Running& loser : running_) note(loser, end);
    return std::move(outcome_);
  }

 private:
  struct Running {
    std::size_t index;
    UniqueFd fd;
    MonoTime begun;
  };

  void note(const Running& attempt, MonoTime now) {
    outcome_.attempts[attempt.index].took =
        std::chrono::duration_cast<Duration>(now - attempt.begun);
  }

  void begin(MonoTime now) {
    const std::size_t index = next_++;
    next_start_ = now + times_.head_start;
    outcome_.attempts[index].begun = true;
    auto fd = startConnect(addresses_[index]);
    if (fd) {
      running_.push_back({index, std::move(*fd), now});
    } else {
      outcome_.attempts[index].failure = std::move(fd.error());
      next_start_ = now;
    }
  }

  void fail(std::size_t position, Error error, MonoTime now) {
    const Running& attempt = running_[position];
    note(attempt, now);
    outcome_.attempts[attempt.index].failure =
        std::move(error.addContext(addresses_[attempt.index].text()));
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(position));
    next_start_ = now;
  }

  void endSilentOnes(MonoTime now) {
    for (std::size_t i = running_.size(); i-- > 0;) {
      if (now - running_[i].begun >= times_.patience) {
        fail(i, Error::fromErrno(ETIMEDOUT, "connecting"), now);
      }
    }
  }

  Status wait(MonoTime now) {
    MonoTime until = running_.front().begun + times_.patience;
    if (next_ < addresses_.size()) until = std::min(until, next_start_);
    std::vector<pollfd> entries;
    entries.reserve(running_.size());
    for (const Running& attempt : running_) entries.push_back({attempt.fd.get(), POLLOUT, 0});
    const auto left = std::chrono::ceil<Duration>(until - now);
    EFS_TRY(ready, pollReady(entries.data(), entries.size(), left));
    if (ready > 0) judge(entries);
    return {};
  }

  // From the last to the first, so that erasing leaves the positions before alone, and the first
  // address wins where two answered at once.
  void judge(const std::vector<pollfd>& entries) {
    const MonoTime now = clock_.monotonic();
    std::optional<std::size_t> connected;
    for (std::size_t i = entries.size(); i-- > 0;) {
      if (entries[i].revents == 0) continue;
      auto result = connectResult(running_[i].fd.get());
      if (result) {
        connected = running_[i].index;
      } else {
        fail(i, std::move(result.error()), now);
      }
    }
    if (connected) win(*connected, now);
  }

  void win(std::size_t index, MonoTime now) {
    const auto winner = std::find_if(running_.begin(), running_.end(),
                                     [&](const Running& each) { return each.index == index; });
    note(*winner, now);
    outcome_.winner = index;
    outcome_.fd = std::move(winner->fd);
    running_.erase(winner);
  }

  const std::vector<Endpoint>& addresses_;
  const Clock& clock_;
  const RaceTimes times_;
  RaceOutcome outcome_;
  std::vector<Running> running_;  // in the order of their beginning
  std::size_t next_ = 0;
  MonoTime next_start_;
};

}  // namespace

Result<RaceOutcome> raceConnect(const std::vector<Endpoint>& addresses, const Clock& clock,
                                const RaceTimes& times) {
  return Race(addresses, clock, times).run();
}

}  // namespace efs::net
