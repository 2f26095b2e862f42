#include "efs/base/environment.h"

#include <cstdlib>

#include "efs/base/text.h"

namespace efs {

std::optional<std::string> environmentVariable(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no program of ours changes its environment in a thread
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

bool saysTrue(const std::optional<std::string>& value) {
  return value && toLower(trim(*value)) == "true";
}

}  // namespace efs
