// RandomSource: the kernel's random numbers (getrandom(2)), for std::shuffle, the distributions of
// <random> and seeds. std::random_device takes them from glibc's arc4random(3), which is too new
// for the systems on which the programs must start (glibc 2.34).
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace efs {

// A UniformRandomBitGenerator. Each call is a system call; it waits only while the kernel has just
// started and knows no random number yet.
class RandomSource {
 public:
  using result_type = std::uint32_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();
};

// That many bytes of it.
std::string randomBytes(std::size_t count);

}  // namespace efs
