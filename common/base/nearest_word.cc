#include "efs/base/nearest_word.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace efs {
namespace {

constexpr std::size_t kMaxWord = 80;

// Distance of Damerau and Levenshtein in its restricted form (optimal string alignment): exchanged
// neighbours, the commonest slip of all, count one. `two_up` is the row before the last.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_up(b.size() + 1);
  std::vector<std::size_t> up(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    two_up.swap(up);
    up.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = up[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, up[j] + 1, row[j - 1] + 1});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) row[j] = std::min(row[j], two_up[j - 2] + 1);
    }
  }
  return row.back();
}

std::size_t allowed(std::string_view name) {
  if (name.size() < 3) return 0;
  return std::max<std::size_t>(1, name.size() / 4);
}

}  // namespace

std::string_view nearestWord(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kMaxWord) return {};
  std::string_view nearest;
  std::size_t best = 0;
  for (const std::string_view name : known) {
    const std::size_t far = distance(word, name);
    if (far > allowed(name) || (!nearest.empty() && far >= best)) continue;
    nearest = name;
    best = far;
  }
  return nearest;
}

}  // namespace efs
