// What administrators and applications do with mounts (turmoil.h).
#include <utility>

#include "turmoil.h"
#include "world.h"

namespace efs::watchdog::simulation {

void Turmoil::put(const std::string& path, const std::string& type) {
  world_.journal.note("an administrator mounts " + type + " at " + path);
  const std::uint64_t unique = world_.mounts.attachOther(path, type).unique;
  later([this, unique] { takeAway(unique); });
}

// What others have mounted on it by now keeps it in its place.
void Turmoil::takeAway(std::uint64_t unique) {
  const Mount* mount = world_.mounts.withUnique(unique);
  if (mount == nullptr) return;
  if (world_.mounts.within(mount->id).empty()) return world_.mounts.detach(mount->id);
  later([this, unique] { takeAway(unique); });
}

void Turmoil::mountOver() {
  const std::string target = anyWanted();
  if (!target.empty() && world_.mounts.top(target) != nullptr) put(target, "tmpfs");
}

void Turmoil::mountWithin() {
  const std::string target = anyWanted();
  if (!target.empty() && world_.mounts.top(target) != nullptr) put(target + "/inner", "tmpfs");
}

void Turmoil::detachLazily() {
  const std::string target = anyWanted();
  const Mount* mount = target.empty() ? nullptr : world_.mounts.top(target);
  if (mount == nullptr) return;
  world_.journal.note("an administrator detaches " + target);
  if (mount->client) world_.invariants.unwant(target);
  world_.mounts.detach(mount->id);
}

void Turmoil::replaceByOther() {
  const std::string target = anyWanted();
  const Mount* mount = target.empty() ? nullptr : world_.mounts.top(target);
  if (mount == nullptr) return;
  detachLazily();
  put(target, "ext4");
}

void Turmoil::copyToNamespace() {
  const auto client = anyClient();
  if (!client) return;
  world_.journal.note("another mount namespace has a copy, port " + std::to_string(client->port));
  world_.mounts.use(client);
  later([this, client] { world_.mounts.release(client); });
}

void Turmoil::useFiles() {
  const auto client = anyClient();
  if (!client) return;
  const bool locks = world_.time.oneIn(3);
  ++client->open_files;
  if (locks) client->locks = true;
  world_.mounts.use(client);
  later([this, client, locks] {
    --client->open_files;
    if (locks) client->locks = false;
    world_.mounts.release(client);
  });
}

void Turmoil::mountInStateDirectory() {
  const std::string name = anyName();
  if (name.empty()) return;
  const std::string path = std::string(kStateDirectory) + "/" + name + "+/mount";
  if (world_.mounts.top(path) != nullptr) return;
  world_.files.put(path + "/a file of somebody", "data");
  world_.journal.note("an administrator mounts ext4 at " + path);
  const std::uint64_t unique = world_.mounts.attachOther(path, "ext4").unique;
  later([this, unique, path] {
    takeAway(unique);
    world_.files.take(path + "/a file of somebody");
  });
}

void Turmoil::bindElsewhere() {
  const auto client = anyClient();
  if (!client) return;
  const std::uint64_t unique =
      world_.mounts.attach("/srv/" + std::to_string(targets_++), client).unique;
  later([this, unique] { takeAway(unique); });
}

}  // namespace efs::watchdog::simulation
