// A terminal for a program that draws whole screens and reads single keys; as it was before, when
// the object dies.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>

#include "efs/base/result.h"

namespace efs::efsctl {

class Terminal {
 public:
  // Standard input and output are terminals.
  static bool present();
  static Result<Terminal> open();
  Terminal(Terminal&& other) noexcept;
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  struct Size {
    std::size_t columns = 80;
    std::size_t lines = 24;
  };
  static Size size();
  // In the place of what stood there.
  static Status draw(const std::string& screen);
  // A key that waits; 0: none.
  static char key();

 private:
  explicit Terminal(const termios& before) : before_(before) {}
  termios before_{};
  bool owner_ = true;
};

}  // namespace efs::efsctl
