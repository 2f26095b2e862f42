#include "efs/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace efs {
namespace {

// What the kernel gives in one piece whatever signals arrive (getrandom(2)).
constexpr std::size_t kWholePiece = 256;

void fill(char* bytes, std::size_t count) {
  while (count > 0) {
    const auto got = ::getrandom(bytes, std::min(count, kWholePiece), 0);
    if (got < 0 && errno == EINTR) continue;
    // Only a kernel before 3.17 or a filter that forbids the call gets here: a number that could be
    // guessed must not take its place.
    if (got <= 0) std::abort();
    bytes += got;
    count -= static_cast<std::size_t>(got);
  }
}

}  // namespace

RandomSource::result_type RandomSource::operator()() {
  result_type number = 0;
  fill(reinterpret_cast<char*>(&number), sizeof number);
  return number;
}

std::string randomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  fill(bytes.data(), count);
  return bytes;
}

}  // namespace efs
