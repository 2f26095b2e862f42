// Resolver: names to addresses with a deadline, by c-ares (own threads none, /etc/hosts and
// /etc/resolv.conf honoured). Two ways of use: resolve() blocks up to a deadline; an event loop
// watches sockets() and calls process() itself.
//
// Both address families are asked, whatever addresses this host has; the answers come in the order
// of RFC 6724 (addresses without a route last). Every server is asked twice at most; one that
// refuses costs nothing (dns_sockets.h). When the file resolv.conf has changed, the next start()
// that finds no query pending reads it again: a tunnel lives for months.
//
// A name with a dot is asked exactly as it stands, whatever `search` and `ndots` of resolv.conf say
// (contract DNS-4: as if it ended in a dot): a wildcard in a search domain must not answer for a
// mount target that does not exist, and five search domains must not cost ten questions.
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

  struct Options {
    std::string resolv_conf = "/etc/resolv.conf";
    std::uint16_t dns_port = 53;
    // Of the first round of questions; the second and last one waits twice as long.
    Duration server_timeout{2000};
    // When one family's answer is missing for so long, the other family's alone will do: firewalls
    // that drop AAAA questions are common.
    Duration family_patience{250};
    // Names without a dot are looked for in the domains of `search`.
    bool use_search_list = false;
  };
  // The addresses, and the name at the end of the chain of CNAME records; the name asked for where
  // there is no such chain. Lower case, without a trailing dot.
  struct Named {
    Addresses addresses;
    std::string canonical_name;
  };
  static Result<Resolver> create();
  static Result<Resolver> create(Options options);
  Resolver(Resolver&&) noexcept;
  Resolver& operator=(Resolver&&) noexcept;
  ~Resolver();

  // Blocking, for run-to-completion programs. An IP literal needs no network. Errors: kNotFound
  // (the name does not exist or has no address), kTimeout, kUnreachable (no server answers);
  // kInvalidInput (not a name), kIo (no socket to ask with). The message names the name. Do not mix
  // with queries under way: at the deadline all of them are cancelled.
  Result<Addresses> resolve(const std::string& host, std::uint16_t port, const Clock& clock,
                            Duration patience);
  Result<Named> resolveNamed(const std::string& host, std::uint16_t port, const Clock& clock,
                             Duration patience);

  // For queries under way that a run-to-completion program wants now: serves them until `done` is
  // true (kTimeout when the deadline comes first, kCancelled when the program shall stop). Between
  // start() and this call other work may block: replies wait in the sockets.
  Status serveUntil(const std::function<bool()>& done, const Deadline& deadline);

  // Event-driven: the callback runs exactly once, inside start(), process(), cancel() or the
  // destructor (the latter two with kCancelled). It may start another query unless it was told
  // kCancelled, and must not destroy the resolver.
  void start(const std::string& host, std::uint16_t port, Callback callback);
  using NamedCallback = std::function<void(Result<Named>)>;
  void startNamed(const std::string& host, std::uint16_t port, NamedCallback callback);
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
