#include "efs/base/last_words.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include "efs/base/log.h"
#include "efs/base/output.h"

namespace efs {
namespace {

constexpr int kSystemError = 2;
constexpr std::size_t kReserve = 256U << 10U;
constexpr Duration kPatience{500};

// Read by a handler that has no arguments.
LastAct last_act = LastAct::kAbort;
void* reserve = MAP_FAILED;

struct Cause {
  bool no_memory = false;
  const char* text = "no reason given";
};

// Allocates nothing. The text stays valid while `held` lives.
Cause causeOf(const std::exception_ptr& held) {
  if (!held) return {};
  try {
    std::rethrow_exception(held);
  } catch (const std::bad_alloc&) {
    return {true, "out of memory"};
  } catch (const std::exception& e) {
    return {false, e.what()};
  } catch (...) {
    return {false, "an exception of an unknown type"};
  }
}

void tell(const Cause& cause) noexcept {
  try {
    log::write(log::Level::kCritical,
               fmt::format("This process ends: {}{}", cause.text,
                           cause.no_memory
                               ? "; see limits of memory of the host, the unit and the container"
                               : ", which is a fault of the program"));
    (void)log::finish(kPatience);
  } catch (...) {
    return;  // standard error has been told
  }
}

[[noreturn]] void sayLastWords() noexcept {
  static bool saying = false;
  if (saying) std::abort();  // saying it failed as well
  saying = true;
  const std::exception_ptr held = std::current_exception();
  const Cause cause = causeOf(held);
  say(STDERR_FILENO, "fatal: ", kPatience);
  say(STDERR_FILENO, cause.text, kPatience);
  say(STDERR_FILENO, "\n", kPatience);
  if (reserve != MAP_FAILED) (void)::munmap(reserve, kReserve);
  tell(cause);
  if (cause.no_memory && last_act == LastAct::kExit) ::_exit(kSystemError);
  std::abort();
}

}  // namespace

void haveLastWords(LastAct act) {
  last_act = act;
  if (reserve == MAP_FAILED)
    reserve = ::mmap(nullptr, kReserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  (void)std::set_terminate(sayLastWords);
}

}  // namespace efs
