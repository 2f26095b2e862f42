// Resolver: names to addresses with a deadline, by c-ares (own threads none, /etc/hosts and
// /etc/resolv.conf honoured). Two ways of use: resolve() blocks up to a deadline; an event loop
// watches sockets() and calls process() itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/net/address.h"

namespace efs::net {

class Resolver {
 public:
  using Addresses = std::vector<Endpoint>;
  using Callback = std::function<void(Result<Addresses>)>;

  static Result<Resolver> create();
  Resolver(Resolver&&) noexcept;
  Resolver& operator=(Resolver&&) noexcept;
  ~Resolver();

  // Blocking, for run-to-completion programs. An IP literal needs no network. Errors: kNotFound
  // (the name does not exist), kTimeout, kUnreachable (no server answers); the message names the
  // name.
  Result<Addresses> resolve(const std::string& host, std::uint16_t port, const Clock& clock,
                            Duration patience);

  // Event-driven: the callback runs inside start() or process(), exactly once, also on cancel().
  void start(const std::string& host, std::uint16_t port, Callback callback);
  // Ends all queries with kCancelled.
  void cancel();
  struct Watch {
    int fd;
    bool read, write;
  };
  // Descriptors to watch now; may change after each start() and process().
  std::vector<Watch> sockets() const;
  // Time until process() must be called even without events; nullopt when nothing is pending.
  std::optional<Duration> timeout() const;
  // Call with the ready descriptor, or -1 after a time-out.
  void process(int fd, bool readable, bool writable);

 private:
  struct Impl;
  explicit Resolver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace efs::net
