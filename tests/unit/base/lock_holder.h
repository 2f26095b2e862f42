// Another process that holds a lock.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "efs/base/file_lock.h"
#include "efs/base/subprocess.h"

namespace efs {

// It holds the lock until its `go` pipe is closed.
struct Holder {
  Subprocess process;
  UniqueFd go;
};

inline Holder holdElsewhere(const std::string& path) {
  auto ready = makePipe();
  auto go = makePipe();
  auto child = Subprocess::fork([&] {
    const auto lock = FileLock::tryAcquire(path);
    if (!lock) return 1;
    ready->write_end.reset();
    go->write_end.reset();
    char byte = 0;
    return ::read(go->read_end.get(), &byte, 1) == 0 ? 0 : 2;
  });
  ready->write_end.reset();
  char byte = 0;
  EXPECT_EQ(::read(ready->read_end.get(), &byte, 1),
            0);  // the child has the lock, or could not get it
  return {*std::move(child), std::move(go->write_end)};
}

}  // namespace efs
