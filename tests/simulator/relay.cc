#include "relay.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace efs::simulator {
namespace {

constexpr std::size_t kChunk = 256U << 10U;
constexpr std::size_t kMostBuffered = 1U << 20U;
constexpr Duration kIdleAge(100);

// One direction: what was read waits in `out` until the other side has taken it.
struct Direction {
  using Take = std::function<bool(std::string_view bytes)>;
  Direction(Stream& source, Stream& sink, Take taker, std::atomic<std::uint64_t>& byte_counter)
      : from(source), to(sink), take(std::move(taker)), counter(byte_counter) {}

  Stream& from;
  Stream& to;
  Take take;  // what was read
  std::atomic<std::uint64_t>& counter;
  std::string out;
  std::size_t sent = 0;
  bool ended = false;  // no more input
  bool shut = false;   // the end was passed on
  short read_wait = POLLIN;
  short write_wait = POLLOUT;

  bool hasOutput() const { return sent < out.size(); }
  bool wantsInput() const { return !ended && out.size() - sent < kMostBuffered; }
};

enum class Step { kIdle, kProgress, kBroken, kStopped };

Step readSome(Direction& d, std::span<char> buffer) {
  const IoResult got = d.from.read(buffer.data(), buffer.size());
  switch (got.state) {
    case IoResult::State::kDone:
      d.counter += got.count;
      return d.take({buffer.data(), got.count}) ? Step::kProgress : Step::kBroken;
    case IoResult::State::kEnd:
      d.ended = true;
      return Step::kProgress;
    case IoResult::State::kAgain:
      d.read_wait = got.wait_for;
      return Step::kIdle;
    default:
      return Step::kBroken;
  }
}

Step writeSome(Direction& d) {
  if (!d.hasOutput()) {
    if (!d.ended || d.shut) return Step::kIdle;
    d.shut = true;
    d.to.endOutput();
    return Step::kProgress;
  }
  const IoResult put = d.to.write(std::string_view(d.out).substr(d.sent));
  switch (put.state) {
    case IoResult::State::kDone:
      d.sent += put.count;
      if (d.sent == d.out.size()) {
        d.out.clear();
        d.sent = 0;
      }
      return Step::kProgress;
    case IoResult::State::kAgain:
      d.write_wait = put.wait_for;
      return Step::kIdle;
    default:
      return Step::kBroken;
  }
}

class Pump {
 public:
  Pump(Stream& client, Stream& server, LiveConnection& live, Conversation& talk,
       const RelayMood& mood)
      : up_(
            client, server,
            [this, &talk](std::string_view bytes) {
              return talk.fromClient(bytes, up_.out, down_.out);
            },
            live.bytes_in),
        down_(
            server, client,
            [this, &talk](std::string_view bytes) { return talk.fromServer(bytes, down_.out); },
            live.bytes_out),
        live_(live),
        mood_(mood),
        buffer_(kChunk) {}

  RelayEnd run() {
    last_traffic_ = clock_.monotonic();
    while (true) {
      if (up_.shut && down_.shut) return RelayEnd::kBothClosed;
      if (live_.order == Order::kReset) return RelayEnd::kReset;
      const bool frozen = mood_.blackhole();
      const Step step = frozen ? Step::kIdle : turn();
      if (step == Step::kBroken) return RelayEnd::kBroken;
      if (step == Step::kStopped) return RelayEnd::kStopped;
      if (step == Step::kProgress) {
        last_traffic_ = clock_.monotonic();
        continue;
      }
      const bool leaving = live_.order == Order::kCloseWhenIdle;
      if (leaving && clock_.monotonic() - last_traffic_ >= kIdleAge) return RelayEnd::kIdle;
      if (!sleep(frozen, leaving ? kIdleAge : Duration(3600 * 1000))) return RelayEnd::kStopped;
    }
  }

 private:
  // One attempt at everything that can be done now.
  Step turn() {
    Step best = Step::kIdle;
    for (Direction* d : {&up_, &down_}) {
      for (const Step step : {d->wantsInput() ? readAndDelay(*d) : Step::kIdle, writeSome(*d)}) {
        if (step == Step::kBroken || step == Step::kStopped) return step;
        if (step == Step::kProgress) best = step;
      }
    }
    return best;
  }

  Step readAndDelay(Direction& d) {
    const int limit = mood_.bytes_per_sec();
    const std::uint64_t before = d.counter;
    const Step step = readSome(d, std::span(buffer_).first(portion(limit)));
    if (step != Step::kProgress) return step;
    std::int64_t delay = mood_.delay_ms();
    if (limit > 0) delay += owed(d.counter - before, limit);
    return delay > 0 && live_.wake->wait(Duration(delay)) ? Step::kStopped : step;
  }

  // So much at once that the limit is kept within a fraction of a second.
  std::size_t portion(int limit) const {
    constexpr std::size_t kLeast = 4096;
    constexpr int kPortions = 50;
    if (limit <= 0) return buffer_.size();
    return std::clamp(static_cast<std::size_t>(limit / kPortions), kLeast, buffer_.size());
  }

  // Milliseconds until the limit allows more. A pause that took longer is made up for, but no
  // idleness beyond a tenth of a second.
  std::int64_t owed(std::uint64_t moved, int limit) {
    const MonoTime now = clock_.monotonic();
    limit_until_ = std::max(limit_until_, now - Duration(100));
    pending_us_ += static_cast<std::int64_t>(moved) * 1000000 / limit;
    limit_until_ += Duration(pending_us_ / 1000);
    pending_us_ %= 1000;
    return std::chrono::duration_cast<Duration>(limit_until_ - now).count();
  }

  // False when the simulator stops.
  bool sleep(bool frozen, Duration patience) {
    std::array<pollfd, 4> entries{{{up_.from.fd(), 0, 0},
                                   {up_.to.fd(), 0, 0},
                                   {live_.wake->fd(), POLLIN, 0},
                                   {live_.poke.get(), POLLIN, 0}}};
    const auto add = [&](std::size_t from, std::size_t to, const Direction& d) {
      if (d.wantsInput())
        entries[from].events = static_cast<short>(entries[from].events | d.read_wait);
      if (d.hasOutput()) entries[to].events = static_cast<short>(entries[to].events | d.write_wait);
    };
    if (!frozen) {
      add(0, 1, up_);
      add(1, 0, down_);
    }
    // A descriptor nobody waits for would still report a hang-up, again and again.
    for (auto& entry : entries) {
      if (entry.events == 0) entry.fd = -1;
    }
    ::poll(entries.data(), entries.size(), static_cast<int>(patience.count()));
    std::uint64_t pokes = 0;
    const ssize_t ignored = ::read(live_.poke.get(), &pokes, sizeof pokes);
    (void)ignored;
    return entries[2].revents == 0;
  }

  Direction up_;
  Direction down_;
  LiveConnection& live_;
  const RelayMood& mood_;
  std::vector<char> buffer_;
  SystemClock clock_;
  MonoTime last_traffic_;
  MonoTime limit_until_{};
  std::int64_t pending_us_ = 0;
};

}  // namespace

bool Conversation::fromClient(std::string_view bytes, std::string& to_server,
                              std::string& to_client) {
  if (partition_ == nullptr) return denial_.calls().feed(bytes, to_server);
  std::string passed;
  if (!partition_->calls().feed(bytes, passed)) return false;
  to_client += partition_->takeAnswers();
  return !partition_->closes() && denial_.calls().feed(passed, to_server);
}

bool Conversation::fromServer(std::string_view bytes, std::string& to_client) {
  if (partition_ == nullptr) return denial_.replies().feed(bytes, to_client);
  std::string passed;
  return denial_.replies().feed(bytes, passed) && partition_->replies().feed(passed, to_client);
}

RelayEnd relay(Stream& client, Stream& server, LiveConnection& live, Conversation& talk,
               const RelayMood& mood) {
  return Pump(client, server, live, talk, mood).run();
}

}  // namespace efs::simulator
