#include "efs/base/url_authority.h"

#include <algorithm>

namespace efs {

std::size_t authorityStart(std::string_view url) {
  const auto end = url.find("://");
  if (end == std::string_view::npos) return 0;
  const std::string_view scheme = url.substr(0, end);
  const bool is_scheme = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  });
  return is_scheme ? end + 3 : 0;
}

}  // namespace efs
