// io-witness: an application that notices everything. It writes blocks to a file and reads them
// back for as long as it runs, compares every byte, and notes when each operation was through.
//
//   io-witness run buffered|direct|locked FILE JOURNAL   until SIGTERM, then reads all of it again
//   io-witness try-lock FILE       exit 0: somebody else holds a lock on it, 1: it was to be had
//   io-witness follow FOLDER OUT   copies each line that comes to FOLDER/*.log, with the time
//   before
//
// All times are milliseconds of CLOCK_BOOTTIME, which is what /proc/uptime shows: a clock that is
// set moves none of them. A line of the journal: END DURATION OPERATION [errno].
// At its end `run` prints "operations=N errors=N lost=N"; exit 0 if nothing failed and nothing was
// lost. Lost is a block that does not hold what was last written to it, where that write succeeded.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"

namespace {

using efs::UniqueFd;

constexpr std::size_t kBlock = 16384;
constexpr std::size_t kBlocks = 64;
constexpr int kPauseMs = 20;
constexpr std::uint64_t kSyncEach = 4;  // writes, as a program that cares would

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1000000;
}

// SplitMix64: block and version decide every byte.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31U);
}

struct FreeAligned {
  void operator()(void* memory) const { std::free(memory); }
};
// One block, aligned as O_DIRECT wants it.
class Block {
 public:
  Block() : words_(static_cast<std::uint64_t*>(std::aligned_alloc(4096, kBlock))) {}
  void fill(std::size_t block, std::uint64_t version) {
    for (std::size_t i = 0; i < kWords; ++i) words_.get()[i] = word(block, version, i);
  }
  bool holds(std::size_t block, std::uint64_t version) const {
    for (std::size_t i = 0; i < kWords; ++i) {
      if (words_.get()[i] != word(block, version, i)) return false;
    }
    return true;
  }
  void* data() { return words_.get(); }

 private:
  static constexpr std::size_t kWords = kBlock / sizeof(std::uint64_t);
  static std::uint64_t word(std::size_t block, std::uint64_t version, std::size_t index) {
    return mixed((version << 24U) + (block << 12U) + index);
  }
  std::unique_ptr<std::uint64_t, FreeAligned> words_;
};

// SIGTERM as a descriptor: an operation under way is never interrupted.
UniqueFd stopSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

// False when it is time to stop.
bool pauseFor(const UniqueFd& stop, int ms) {
  pollfd entry{stop.get(), POLLIN, 0};
  return ::poll(&entry, 1, ms) == 0;
}

class Witness {
 public:
  Witness(const std::string& mode, std::string file, std::FILE* journal)
      : direct_(mode == "direct"),
        locked_(mode == "locked"),
        file_(std::move(file)),
        journal_(journal) {}

  int run() {
    const UniqueFd stop = stopSignal();
    if (!open()) return 1;
    do {
      step();
    } while (pauseFor(stop, kPauseMs));
    readAll();
    std::printf("operations=%llu errors=%llu lost=%llu\n",
                static_cast<unsigned long long>(operations_),
                static_cast<unsigned long long>(errors_), static_cast<unsigned long long>(lost_));
    return errors_ == 0 && lost_ == 0 ? 0 : 1;
  }

 private:
  struct State {
    std::uint64_t written = 0;  // version; 0: nothing yet
    bool certain = true;        // the last write did not fail
  };

  bool open() {
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (direct_ ? O_DIRECT : 0);
    fd_ = UniqueFd(::open(file_.c_str(), flags, 0644));
    if (!fd_.valid()) return fail("open");
    struct flock lock {};
    lock.l_type = F_WRLCK;
    if (locked_ && ::fcntl(fd_.get(), F_SETLK, &lock) != 0) return fail("lock");
    return true;
  }

  static bool fail(const char* what) {
    std::fprintf(stderr, "io-witness: %s: errno %d\n", what, errno);
    return false;
  }

  void step() {
    const std::size_t block = mixed(++turn_) % kBlocks;
    write(block);
    if (!direct_ && turn_ % kSyncEach == 0) sync();
    const std::size_t old = mixed(turn_ + 0x10000000U) % kBlocks;
    if (turn_ % 2 != 0 || blocks_.at(old).written == 0) return;
    // Only clean pages go; the others are read from the cache.
    if (!direct_) (void)::posix_fadvise(fd_.get(), offset(old), kBlock, POSIX_FADV_DONTNEED);
    read(fd_, old);
  }

  // Times the operation and notes it.
  bool timed(const char* name, const std::function<bool()>& operation) {
    const std::int64_t began = now();
    errno = 0;
    const bool good = operation();
    const int error = errno;
    const std::int64_t ended = now();
    ++operations_;
    if (good) {
      std::fprintf(journal_, "%lld %lld %s\n", static_cast<long long>(ended),
                   static_cast<long long>(ended - began), name);
    } else {
      ++errors_;
      std::fprintf(journal_, "%lld %lld %s %d\n", static_cast<long long>(ended),
                   static_cast<long long>(ended - began), name, error);
    }
    std::fflush(journal_);
    return good;
  }

  void write(std::size_t block) {
    State& state = blocks_.at(block);
    buffer_.fill(block, turn_);
    const bool good = timed("write", [&] {
      return ::pwrite(fd_.get(), buffer_.data(), kBlock, offset(block)) ==
             static_cast<ssize_t>(kBlock);
    });
    state.written = turn_;
    state.certain = good;
  }

  void sync() {
    if (timed("fsync", [&] { return ::fsync(fd_.get()) == 0; })) return;
    // What was cached may be lost, and the application was told.
    for (auto& state : blocks_) state.certain = false;
  }

  void read(const UniqueFd& from, std::size_t block) {
    const bool good = timed("read", [&] {
      return ::pread(from.get(), buffer_.data(), kBlock, offset(block)) ==
             static_cast<ssize_t>(kBlock);
    });
    if (good) judge(block);
  }

  void judge(std::size_t block) {
    const State& state = blocks_.at(block);
    if (!state.certain || buffer_.holds(block, state.written)) return;
    ++lost_;
    std::fprintf(journal_, "%lld 0 lost block %zu version %llu\n", static_cast<long long>(now()),
                 block, static_cast<unsigned long long>(state.written));
  }

  void readAll() {
    if (!direct_) sync();
    // Opening once more asks the server; what is cached is clean now and is dropped.
    const UniqueFd again(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | (direct_ ? O_DIRECT : 0)));
    if (!again.valid()) {
      ++errors_;
      (void)fail("open again");
      return;
    }
    (void)::posix_fadvise(again.get(), 0, 0, POSIX_FADV_DONTNEED);
    for (std::size_t block = 0; block < kBlocks; ++block) {
      if (blocks_.at(block).written != 0) read(again, block);
    }
  }

  static off_t offset(std::size_t block) { return static_cast<off_t>(block * kBlock); }

  const bool direct_, locked_;
  const std::string file_;
  std::FILE* journal_;
  UniqueFd fd_;
  Block buffer_;
  std::array<State, kBlocks> blocks_{};
  std::uint64_t turn_ = 0, operations_ = 0, errors_ = 0, lost_ = 0;
};

int run(const std::string& mode, const std::string& file, const std::string& journal) {
  std::FILE* out = std::fopen(journal.c_str(), "we");
  if (out == nullptr) return 2;
  const int code = Witness(mode, file, out).run();
  std::fclose(out);
  return code;
}

int tryLock(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  if (!fd.valid()) return 2;
  if (::fcntl(fd.get(), F_SETLK, &lock) == 0) return 1;
  return errno == EACCES || errno == EAGAIN ? 0 : 2;
}

// What came to the file since `done`, whole lines only; a rotated file starts anew.
std::string newLines(const std::string& path, off_t& done) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return {};
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (size == done) return {};
  if (size < done) done = 0;
  ::lseek(fd.get(), done, SEEK_SET);
  auto text = efs::readAll(fd.get(), path, 64U << 20U);
  if (!text) return {};
  text->resize(text->rfind('\n') + 1);
  done += static_cast<off_t>(text->size());
  return *text;
}

// A look each 20 ms is exact enough, and survives rotation, truncation and files that come later.
int follow(const std::string& folder, const std::string& out_path) {
  const UniqueFd stop = stopSignal();
  std::FILE* out = std::fopen(out_path.c_str(), "we");
  if (out == nullptr) return 2;
  std::map<std::string, off_t> seen;
  do {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".log") continue;
      const std::string name = entry.path().filename();
      for (const auto& line : efs::split(newLines(entry.path(), seen[name]), '\n')) {
        if (line.empty()) continue;
        std::fprintf(out, "%lld %s %s\n", static_cast<long long>(now()), name.c_str(),
                     line.c_str());
      }
    }
    std::fflush(out);
  } while (pauseFor(stop, 20));
  std::fclose(out);
  return 0;
}

// A process with a second thread, both named like a tunnel; tells the thread's id and waits.
int thread() {
  ::prctl(PR_SET_NAME, "efs-proxy");
  std::thread second([] {
    std::printf("%ld\n", static_cast<long>(::syscall(SYS_gettid)));
    std::fflush(stdout);
    while (true) ::pause();
  });
  second.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "run") return run(words[1], words[2], words[3]);
  if (words.size() == 2 && words[0] == "try-lock") return tryLock(words[1]);
  if (words.size() == 1 && words[0] == "thread") return thread();
  if (words.size() == 3 && words[0] == "follow") return follow(words[1], words[2]);
  std::fprintf(stderr,
               "usage: io-witness run buffered|direct|locked FILE JOURNAL | "
               "try-lock FILE | follow FOLDER OUT | thread\n");
  return 2;
}
