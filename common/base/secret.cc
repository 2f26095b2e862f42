#include "efs/base/secret.h"

#include <cstring>
#include <utility>

namespace efs {

void wipe(std::string& text) {
  // explicit_bzero is not optimised away, unlike memset before a free.
  explicit_bzero(text.data(), text.size());
  text.clear();
}

Secret::Secret(std::string&& text) : text_(text) { wipe(text); }

// NOLINTNEXTLINE(performance-move-constructor-init): a copy, see the assignment below
Secret::Secret(Secret&& other) noexcept : text_(other.text_) { wipe(other.text_); }

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe(text_);
    text_ = other.text_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe(text_);
    // A copy, not a move: a moved short string would leave its bytes in the source's own buffer.
    text_ = other.text_;
    wipe(other.text_);
  }
  return *this;
}

Secret::~Secret() { wipe(text_); }

}  // namespace efs
