// Secret: text that must not show up in logs, errors, argv or core files. Wiped when it dies.
//
// There is no conversion to std::string and no stream or format operator: the value is read only
// through reveal(), which makes each use easy to find in a review.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace efs {

class Secret {
 public:
  Secret() = default;
  // Takes the text and wipes the argument.
  explicit Secret(std::string&& text);
  explicit Secret(std::string_view text) : text_(text) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

// Overwrites the bytes so that the compiler cannot leave the store out.
void wipe(std::string& text);

}  // namespace efs
