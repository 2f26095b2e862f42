// Result<T>: a value or an Error. Ignoring one is a compile error; there are no exceptions of ours.
//
//   Result<Port> choosePort(...);
//   auto port = choosePort(...);
//   if (!port) return unexpected(port.error());
//   use(*port);
//
// tl::expected is the library underneath; the class only adds [[nodiscard]].
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "efs/base/error.h"

namespace efs {

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // A function may `return Error(...)` directly.
  Result(Error error) : tl::expected<T, Error>(tl::unexpected<Error>(std::move(error))) {}

  // The same result with "<context>: " before an error's message.
  Result withContext(std::string_view context) && {
    if (!this->has_value()) this->error().addContext(context);
    return std::move(*this);
  }
  Result withHint(std::string_view hint) && {
    if (!this->has_value()) this->error().addHint(hint);
    return std::move(*this);
  }
};

using Status = Result<void>;

inline tl::unexpected<Error> unexpected(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace efs

// Evaluates an expression that gives Result<T>; returns its error from the current function, or
// declares `var` with the value. The only macro of the error idiom, because C++ has no operator
// `?`.
// NOLINTBEGIN(bugprone-macro-parentheses): a declared name cannot stand in parentheses.
#define EFS_CONCAT_INNER(a, b) a##b
#define EFS_CONCAT(a, b) EFS_CONCAT_INNER(a, b)
#define EFS_TRY(var, expression) EFS_TRY_IMPL(EFS_CONCAT(efs_try_, __LINE__), var, expression)
#define EFS_TRY_IMPL(tmp, var, expression)                    \
  auto tmp = (expression);                                    \
  if (!tmp) return ::efs::unexpected(std::move(tmp).error()); \
  auto var = std::move(*tmp)
// NOLINTEND(bugprone-macro-parentheses)
// The same for Status, where there is no value.
#define EFS_CHECK(expression)                                 \
  do {                                                        \
    if (auto efs_check = (expression); !efs_check)            \
      return ::efs::unexpected(std::move(efs_check).error()); \
  } while (false)
