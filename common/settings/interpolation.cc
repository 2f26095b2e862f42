#include "interpolation.h"

#include <cstddef>

#include "efs/base/text.h"

namespace efs::settings {
namespace {

constexpr int kMaxDepth = 10;  // configparser.MAX_INTERPOLATION_DEPTH
// Ten levels of many references each would grow without bound.
constexpr std::size_t kMaxReferences = 1000;
constexpr std::size_t kMaxLength = 1U << 20U;

class Expander {
 public:
  explicit Expander(const RawLookup& lookup) : lookup_(lookup) {}

  Status expand(std::string_view rest, int depth) {
    if (depth > kMaxDepth) return invalid("%(...)s is nested too deeply");
    while (!rest.empty()) {
      const auto percent = rest.find('%');
      EFS_CHECK(append(rest.substr(0, percent)));
      if (percent == std::string_view::npos) return {};
      rest.remove_prefix(percent + 1);
      if (!rest.empty() && rest.front() == '%') {
        EFS_CHECK(append("%"));
        rest.remove_prefix(1);
        continue;
      }
      EFS_TRY(name, takeName(rest));
      EFS_CHECK(expandKey(name, depth));
    }
    return {};
  }
  std::string result() && { return std::move(result_); }

 private:
  static Error invalid(const std::string& what) { return {ErrorKind::kInvalidInput, what}; }

  // "(name)s" behind a percent sign.
  static Result<std::string> takeName(std::string_view& rest) {
    const auto close = rest.find(')');
    if (rest.empty() || rest.front() != '(' || close == std::string_view::npos || close == 1 ||
        rest.substr(close + 1, 1) != "s") {
      return invalid("\"%\" must be followed by \"%\" or \"(name)s\"");
    }
    std::string name = toLower(rest.substr(1, close - 1));
    rest.remove_prefix(close + 2);
    return name;
  }

  Status expandKey(const std::string& name, int depth) {
    if (++references_ > kMaxReferences) return invalid("too many %(...)s");
    const std::string* value = lookup_(name);
    if (value == nullptr) return invalid("%(" + printable(name) + ")s names no key");
    // Plain text ends the descent and is no level of its own.
    if (value->find('%') == std::string::npos) return append(*value);
    return expand(*value, depth + 1);
  }

  Status append(std::string_view text) {
    if (text.size() > kMaxLength - result_.size()) return invalid("value is too long");
    result_ += text;
    return {};
  }

  const RawLookup& lookup_;
  std::string result_;
  std::size_t references_ = 0;
};

}  // namespace

Result<std::string> interpolate(std::string_view value, const RawLookup& lookup) {
  Expander expander(lookup);
  EFS_CHECK(expander.expand(value, 1));
  return std::move(expander).result();
}

}  // namespace efs::settings
