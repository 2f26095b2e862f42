// NameLookups: DNS questions that are under way while the program asks somebody else (the metadata
// service, the credential endpoint). No threads: the questions are sent, and the replies wait in
// the sockets until they are wanted, so that children may be forked meanwhile.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/net/resolver.h"

namespace efs::mount_helper {

class NameLookups {
 public:
  // `patience` is that of each name, from the moment its answer is wanted.
  NameLookups(net::Resolver resolver, const Clock& clock, Duration patience);

  // Sends the question; does nothing when that was done before.
  void start(const std::string& name);
  // The addresses as text, waiting for them; asks now what start() did not. An answer is given
  // once: the next result() of that name asks again.
  Result<std::vector<std::string>> result(const std::string& name);

 private:
  using Answer = std::optional<Result<net::Resolver::Addresses>>;
  const Clock& clock_;
  Duration patience_;
  std::map<std::string, Answer> answers_;  // before the resolver, whose end answers what is open
  net::Resolver resolver_;
};

}  // namespace efs::mount_helper
