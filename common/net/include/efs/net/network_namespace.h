// Network namespaces (contract NET-1): enter one for a while with setns(2), without a helper
// program.
#pragma once

#include <functional>
#include <string>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::net {

class NetworkNamespace {
 public:
  // A file as /proc/<pid>/ns/net or /run/netns/<name>. kInvalidInput when it is something else; the
  // open file keeps the namespace alive.
  static Result<NetworkNamespace> open(const std::string& path);
  // The one that a socket belongs to, though its path may be gone or name another one by now.
  static Result<NetworkNamespace> ofSocket(int fd);

  // Runs `body` with the calling thread inside; children that it starts stay there. The thread is
  // back when this returns: if that fails the program is aborted, it would work in the wrong
  // network.
  Status run(const std::function<Status()>& body) const;

  int fd() const { return fd_.get(); }

 private:
  explicit NetworkNamespace(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace efs::net
