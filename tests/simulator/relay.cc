#include "relay.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace efs::simulator {
namespace {

constexpr std::size_t kChunk = 256U << 10U;
constexpr std::size_t kMostBuffered = 1U << 20U;
constexpr Duration kIdleAge(100);

// One direction: what was read waits in `out` until the other side has taken it.
struct Direction {
  Direction(Stream& source, Stream& sink, RecordFilter& record_filter,
            std::atomic<std::uint64_t>& byte_counter)
      : from(source), to(sink), filter(record_filter), counter(byte_counter) {}

  Stream& from;
  Stream& to;
  RecordFilter& filter;
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

Step readSome(Direction& d, std::vector<char>& buffer) {
  const IoResult got = d.from.read(buffer.data(), buffer.size());
  switch (got.state) {
    case IoResult::State::kDone:
      d.counter += got.count;
      return d.filter.feed({buffer.data(), got.count}, d.out) ? Step::kProgress : Step::kBroken;
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
  Pump(Stream& client, Stream& server, LiveConnection& live, DenialFilter& filter,
       const RelayMood& mood)
      : up_(client, server, filter.calls(), live.bytes_in),
        down_(server, client, filter.replies(), live.bytes_out),
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
    const Step step = readSome(d, buffer_);
    const int delay = step == Step::kProgress ? mood_.delay_ms() : 0;
    return delay > 0 && live_.wake->wait(Duration(delay)) ? Step::kStopped : step;
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
};

}  // namespace

RelayEnd relay(Stream& client, Stream& server, LiveConnection& live, DenialFilter& filter,
               const RelayMood& mood) {
  return Pump(client, server, live, filter, mood).run();
}

}  // namespace efs::simulator
