// The hosts file (hosts(5)): whether somebody pinned a name there. The addresses themselves come
// from Resolver, which reads the file before it asks DNS.
#pragma once

#include <string>
#include <string_view>

namespace efs::net {

// True when a line of the file gives `name` an address. Pure; in any case, as DNS names are.
bool hostsFileNames(std::string_view hosts, std::string_view name);

// The same for /etc/hosts; false where it cannot be read, as the resolver then has nothing of it.
bool pinnedInHostsFile(std::string_view name);

}  // namespace efs::net
