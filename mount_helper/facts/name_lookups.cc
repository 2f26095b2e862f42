#include "facts/name_lookups.h"

#include "efs/base/nfs_port.h"

namespace efs::mount_helper {

NameLookups::NameLookups(net::Resolver resolver, const Clock& clock, Duration patience)
    : clock_(clock), patience_(patience), resolver_(std::move(resolver)) {}

void NameLookups::start(const std::string& name) {
  const auto [entry, fresh] = answers_.try_emplace(name);
  if (!fresh) return;
  Answer& answer = entry->second;  // stays where it is: map nodes do not move
  resolver_.start(name, kNfsPort,
                  [&answer](Result<net::Resolver::Addresses> found) { answer = std::move(found); });
}

Result<std::vector<std::string>> NameLookups::result(const std::string& name) {
  start(name);
  Answer& answer = answers_.at(name);
  const auto served =
      resolver_.serveUntil([&answer] { return answer.has_value(); }, Deadline(clock_, patience_));
  if (!answer) {
    resolver_.cancel();  // all names: a server that is silent about one has answered the others
    answers_.clear();
    return unexpected(Error(served.error()).addContext("resolving \"" + name + "\""));
  }
  const Result<net::Resolver::Addresses> found = std::move(*answer);
  answers_.erase(name);
  if (!found) return found.error();
  std::vector<std::string> texts;
  for (const auto& endpoint : *found) texts.push_back(endpoint.ip());
  return texts;
}

}  // namespace efs::mount_helper
