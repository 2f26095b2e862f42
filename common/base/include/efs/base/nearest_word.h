// What a mistyped word was probably meant to be: for "did you mean ...?" in messages.
#pragma once

#include <span>
#include <string_view>

namespace efs {

// The nearest of `known` words; empty when none is near enough to be meant or `word` is longer than
// 80 bytes. Near: for every four letters of the known word one may be wrong, missing, too many, or
// exchanged with its neighbour (at least one; none in words of two letters, where everything is
// near).
std::string_view nearestWord(std::string_view word, std::span<const std::string_view> known);

}  // namespace efs
