#include "efs/tunnel_control/tunnel_counters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/state/mount_paths.h"

namespace efs::tunnel_control {
namespace {

static_assert(sizeof(std::atomic<std::uint64_t>) == sizeof(std::uint64_t));
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

constexpr std::uint64_t kMagic = 0x544E554F43534645U;  // "EFSCOUNT", little-endian

// The page, in words of eight bytes of this machine's order.
constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 1;
constexpr std::size_t kSequenceAt = 2;  // odd while an update is under way
constexpr std::size_t kNumbersAt = 8;
constexpr std::size_t kFactsAt = 64;

using NumberWords = std::array<std::uint64_t, sizeof(TunnelNumbers) / sizeof(std::uint64_t)>;

template <std::size_t kSize>
using Text = std::array<char, kSize>;  // ends with a zero byte

struct FactsImage {
  std::uint64_t pid;
  std::uint64_t started;
  std::int64_t connect_ms;
  std::int64_t handshake_ms;
  std::int64_t first_byte_ms;
  std::int64_t certificate_end;
  std::uint64_t error_time;
  Text<48> upstream;
  Text<96> tls;
  Text<512> error;
};
using FactWords = std::array<std::uint64_t, sizeof(FactsImage) / sizeof(std::uint64_t)>;

static_assert(kNumbersAt + std::tuple_size_v<NumberWords> <= kFactsAt);
static_assert(kFactsAt + std::tuple_size_v<FactWords> <= std::tuple_size_v<CountersWords>);

template <std::size_t kSize>
void put(Text<kSize>& out, const std::string& text) {
  const std::size_t length = std::min(text.size(), kSize - 1);
  std::memcpy(out.data(), text.data(), length);
}

template <std::size_t kSize>
std::string get(const Text<kSize>& text) {
  const auto end = std::find(text.begin(), text.end(), '\0');
  return printable({text.data(), static_cast<std::size_t>(end - text.begin())}, kSize);
}

FactsImage imageOf(const TunnelFacts& facts) {
  FactsImage image{};
  image.pid = static_cast<std::uint64_t>(facts.pid);
  image.started = facts.started;
  image.connect_ms = facts.connect_ms;
  image.handshake_ms = facts.handshake_ms;
  image.first_byte_ms = facts.first_byte_ms;
  image.certificate_end = facts.certificate_end;
  image.error_time = facts.error_time;
  put(image.upstream, facts.upstream);
  put(image.tls, facts.tls);
  put(image.error, facts.error);
  return image;
}

TunnelFacts factsOf(const FactsImage& image) {
  TunnelFacts facts;
  // 0 and beyond the range: no process, so that nobody signals one.
  if (image.pid <= static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max()))
    facts.pid = static_cast<pid_t>(image.pid);
  facts.started = image.started;
  facts.connect_ms = image.connect_ms;
  facts.handshake_ms = image.handshake_ms;
  facts.first_byte_ms = image.first_byte_ms;
  facts.certificate_end = image.certificate_end;
  facts.error_time = image.error_time;
  facts.upstream = get(image.upstream);
  facts.tls = get(image.tls);
  facts.error = get(image.error);
  return facts;
}

template <typename Words>
Words slice(const CountersWords& page, std::size_t first) {
  Words words;
  std::copy_n(page.begin() + static_cast<std::ptrdiff_t>(first), words.size(), words.begin());
  return words;
}

Result<CountersMapping> map(int fd, int protection, const std::string& path) {
  void* memory = ::mmap(nullptr, kCountersSize, protection, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return Error::fromErrno(errno, "mapping " + path);
  return CountersMapping(memory);
}

}  // namespace

std::string_view upstreamStateName(UpstreamState state) {
  switch (state) {
    case UpstreamState::kIdle:
      return "idle";
    case UpstreamState::kConnecting:
      return "connecting";
    case UpstreamState::kSecuring:
      return "securing";
    case UpstreamState::kConnected:
      return "connected";
  }
  return "idle";
}

UpstreamState TunnelCounters::upstreamState() const {
  constexpr auto kLast = static_cast<std::uint64_t>(UpstreamState::kConnected);
  return numbers.upstream_state > kLast ? UpstreamState::kIdle
                                        : static_cast<UpstreamState>(numbers.upstream_state);
}

std::uint64_t countersTime(MonoTime time) {
  const auto ms = std::chrono::duration_cast<Duration>(time.time_since_epoch()).count();
  return static_cast<std::uint64_t>(std::max<Duration::rep>(ms, 1));
}

Duration countersAge(std::uint64_t time, MonoTime now) {
  const std::uint64_t until = countersTime(now);
  if (time == 0 || time >= until) return Duration{0};
  return Duration{static_cast<Duration::rep>(until - time)};
}

std::string countersPath(const std::string& config_path) {
  return state::countersBeside(config_path);
}

Result<TunnelCounters> decodeCounters(const CountersWords& page) {
  if (page[kMagicAt] != kMagic)
    return Error(ErrorKind::kInvalidInput, "this is no page of a tunnel's counters");
  if (page[kVersionAt] != kCountersVersion)
    return Error(ErrorKind::kUnsupported, "tunnel counters of version " +
                                              std::to_string(page[kVersionAt]) +
                                              ", which this program does not know");
  TunnelCounters counters;
  counters.numbers = std::bit_cast<TunnelNumbers>(slice<NumberWords>(page, kNumbersAt));
  counters.facts = factsOf(std::bit_cast<FactsImage>(slice<FactWords>(page, kFactsAt)));
  counters.consistent = page[kSequenceAt] % 2 == 0;
  return counters;
}

CountersMapping& CountersMapping::operator=(CountersMapping&& other) noexcept {
  std::swap(memory_, other.memory_);
  return *this;
}

CountersMapping::~CountersMapping() {
  if (memory_ != nullptr) (void)::munmap(memory_, kCountersSize);
}

Result<CountersWriter> CountersWriter::create(const std::string& path) {
  EFS_CHECK(removeFile(path));
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error::fromErrno(errno, "creating " + path);
  CountersWords page{};
  page[kMagicAt] = kMagic;
  page[kVersionAt] = kCountersVersion;
  auto written =
      writeAll(fd.get(), {reinterpret_cast<const char*>(page.data()), kCountersSize}, path);
  struct stat info {};
  if (written && ::fstat(fd.get(), &info) != 0) written = Error::fromErrno(errno, path);
  auto mapped = map(fd.get(), PROT_READ | PROT_WRITE, path);
  if (!written || !mapped) {
    (void)removeFile(path);
    return written ? unexpected(mapped.error()) : unexpected(written.error());
  }
  CountersWriter writer;
  writer.page_ = std::move(*mapped);
  writer.path_ = path;
  writer.inode_ = info.st_ino;
  return writer;
}

// One writer, any number of readers: a sequence lock, after Boehm, "Can seqlocks get along with
// programming language memory models?", section 4. In place of its fences, which ThreadSanitizer
// does not know, each word is stored with release and loaded with acquire: who sees a word of an
// update sees afterwards that the update has begun.
template <typename Words>
void CountersWriter::store(std::size_t first, const Words& words) {
  if (!page_.valid()) return;
  auto& sequence = page_.word(kSequenceAt);
  const std::uint64_t before = sequence.load(std::memory_order_relaxed);
  sequence.store(before + 1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < words.size(); ++i)
    page_.word(first + i).store(words[i], std::memory_order_release);
  sequence.store(before + 2, std::memory_order_release);
}

void CountersWriter::publish(const TunnelNumbers& numbers) {
  store(kNumbersAt, std::bit_cast<NumberWords>(numbers));
}

void CountersWriter::publish(const TunnelFacts& facts) {
  store(kFactsAt, std::bit_cast<FactWords>(imageOf(facts)));
}

void CountersWriter::remove() {
  struct stat info {};
  if (page_.valid() && ::lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_)
    (void)removeFile(path_);
}

Result<CountersReader> CountersReader::open(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Error::fromErrno(errno, path);
  // Whoever could shorten the file could end us with SIGBUS.
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 022U) != 0 ||
      info.st_size != static_cast<off_t>(kCountersSize))
    return Error(ErrorKind::kInvalidInput, path + " is no page of a tunnel's counters");
  EFS_TRY(page, map(fd.get(), PROT_READ, path));
  return CountersReader(std::move(page));
}

Result<TunnelCounters> CountersReader::read() const {
  // A tunnel that was stopped in the middle of an update would keep a patient reader for ever.
  constexpr int kTries = 100;
  CountersWords page{};
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before = page_.word(kSequenceAt).load(std::memory_order_acquire);
    for (std::size_t at = 0; at < page.size(); ++at)
      page[at] = page_.word(at).load(std::memory_order_acquire);
    page[kSequenceAt] = before;
    if (before % 2 == 0 && page_.word(kSequenceAt).load(std::memory_order_relaxed) == before)
      return decodeCounters(page);
  }
  page[kSequenceAt] = 1;
  return decodeCounters(page);
}

}  // namespace efs::tunnel_control
