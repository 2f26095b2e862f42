#include "repair/network_mover.h"

#include <utility>

#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr const char* kElsewhere =
    "its NFS client is in another network namespace, from which this tunnel cannot be reached";

}  // namespace

void NetworkMover::search(MountRecord& mount) {
  const auto entries = context_.view.entries(mount.port);
  if (entries.empty()) return;
  (void)jobs_.start(mount, Task::kFindNetwork, FindNetwork{entries.front()->device});
}

void NetworkMover::found(MountRecord& mount, const Result<std::string>& answer) {
  if (context_.view.mounted(mount.port) != Seen::kYes || !mount.command) return;
  const Status moved = answer ? move(mount, *answer) : Status(answer.error());
  Log& log = context_.tools.log;
  if (moved) {
    mount.novelty.clear("network");
    return log.warning(
        "{}: its NFS client is in another network namespace; its tunnel goes on there, in {}",
        mount.name, printable(*answer));
  }
  const std::string why = std::string(kElsewhere) + ": " + moved.error().describe();
  if (!mount.novelty.isNew("network", why)) return;
  log.warning("{}: {}: it hangs until it is unmounted (umount -f -l) and mounted again", mount.name,
              why);
}

// The new listener first: where it cannot be had, all stays as it is.
Status NetworkMover::move(MountRecord& mount, const std::string& network) {
  EFS_TRY(listener, context_.tools.ports.listen(mount.port, network));
  state::MountState state = mount.state;
  const std::size_t entering = mount.command->netns.empty() ? 0 : 2;
  state.cmd = tunnel_control::recordedCommand(
      {state.cmd.begin() + static_cast<std::ptrdiff_t>(entering), state.cmd.end()}, network);
  mount.setState(std::move(state));
  files_.save(mount);
  context_.tools.listeners.dropListener(mount.name);
  mount.listener = std::move(listener);
  context_.tools.listeners.storeListener(mount.name, *mount.listener);
  if (mount.tunnel)
    keeper_.replace(mount, "its mount's NFS client is in another network namespace");
  return {};
}

}  // namespace efs::watchdog
