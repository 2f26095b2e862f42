#include "efs/base/log.h"
#include "provider.h"

namespace efs::aws {

VariablePair readPair(const CredentialContext& context, const char* first, const char* second) {
  VariablePair pair{context.environment(first).value_or(""),
                    context.environment(second).value_or(""), false, ""};
  const bool has_first = !pair.first.empty();
  const bool has_second = !pair.second.empty();
  pair.complete = has_first && has_second;
  if (pair.complete) return pair;
  if (!has_first && !has_second) {
    pair.outcome = std::string(first) + " and " + second + " not set";
    return pair;
  }
  pair.outcome = std::string(has_first ? second : first) + " not set";
  log::warning("environment variable {} is set but {} is not: it names no source of credentials",
               has_first ? first : second, has_first ? second : first);
  return pair;
}

}  // namespace efs::aws
