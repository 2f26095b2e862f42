#include "fiber.h"

#include <utility>

#ifdef __SANITIZE_ADDRESS__
#  include <sanitizer/common_interface_defs.h>
#endif

namespace efs::watchdog::simulation {
namespace {

constexpr std::size_t kStack = std::size_t{256} * 1024;

Fiber*& current() {
  static Fiber* fiber = nullptr;
  return fiber;
}

// Memory of a new stack costs more than the life of most fibers.
std::vector<std::vector<char>>& spareStacks() {
  static std::vector<std::vector<char>> stacks;
  return stacks;
}

std::vector<char> takeStack() {
  auto& spare = spareStacks();
  if (spare.empty()) return std::vector<char>(kStack);
  auto stack = std::move(spare.back());
  spare.pop_back();
  return stack;
}

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(takeStack()) {
  ::getcontext(&own_);
  own_.uc_stack.ss_sp = stack_.data();
  own_.uc_stack.ss_size = stack_.size();
  own_.uc_link = nullptr;
  ::makecontext(&own_, &Fiber::begin, 0);
}

Fiber::~Fiber() { spareStacks().push_back(std::move(stack_)); }

Fiber* Fiber::running() { return current(); }

void Fiber::switchTo(ucontext_t& from, ucontext_t& to, [[maybe_unused]] const void* stack,
                     [[maybe_unused]] std::size_t size) {
#ifdef __SANITIZE_ADDRESS__
  void* saved = nullptr;
  __sanitizer_start_switch_fiber(ended_ ? nullptr : &saved, stack, size);
  ::swapcontext(&from, &to);
  __sanitizer_finish_switch_fiber(saved, nullptr, nullptr);
#else
  ::swapcontext(&from, &to);
#endif
}

void Fiber::begin() {
  Fiber& self = *current();
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &self.caller_stack_, &self.caller_size_);
#endif
  self.body_();
  self.body_ = nullptr;
  self.ended_ = true;
  self.switchTo(self.own_, self.caller_, self.caller_stack_, self.caller_size_);
}

void Fiber::resume() {
  current() = this;
  switchTo(caller_, own_, stack_.data(), stack_.size());
  current() = nullptr;
}

void Fiber::giveWay() {
  Fiber& self = *current();
  self.switchTo(self.own_, self.caller_, self.caller_stack_, self.caller_size_);
  current() = &self;
}

}  // namespace efs::watchdog::simulation
