// AnsweringServer: an NFSv4.1 server's side of the pre-flight on port 2049 of a loopback address of
// its own, in a child process. It knows the six calls of the probe and no more.
#pragma once

#include <optional>
#include <string>

#include "efs/base/subprocess.h"

namespace efs::testing {

class AnsweringServer {
 public:
  AnsweringServer();
  ~AnsweringServer();
  AnsweringServer(const AnsweringServer&) = delete;
  AnsweringServer& operator=(const AnsweringServer&) = delete;

  const std::string& address() const { return address_; }

 private:
  std::string address_;  // of 127.0.0.0/8, one for each process
  std::optional<Subprocess> process_;
};

}  // namespace efs::testing
