// Fiber: a piece of code with a stack of its own, which gives way to others in the middle. One
// thread runs all of them, so that a run is repeated exactly.
#pragma once

#include <ucontext.h>

#include <functional>
#include <memory>
#include <vector>

namespace efs::watchdog::simulation {

class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  // It must have ended, or never have begun.
  ~Fiber();

  // Goes on until the body gives way or ends. Not from within a fiber.
  void resume();
  bool ended() const { return ended_; }
  // The running one gives way. Never while an exception is handled.
  static void giveWay();
  // Null outside.
  static Fiber* running();

 private:
  static void begin();
  void switchTo(ucontext_t& from, ucontext_t& to, const void* stack, std::size_t size);

  std::function<void()> body_;
  std::vector<char> stack_;
  ucontext_t own_{}, caller_{};
  bool ended_ = false;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
  const void* caller_stack_ = nullptr;
  std::size_t caller_size_ = 0;
};

}  // namespace efs::watchdog::simulation
