// FreedBy: for the std::unique_ptr of an object that a C library frees by a function of its own.
#pragma once

namespace efs {

template <auto kFree>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    (void)kFree(object);
  }
};

}  // namespace efs
