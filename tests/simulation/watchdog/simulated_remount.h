// SimulatedRemount: the steps of a remount, each a call of the child or of the maker it has made;
// at each of them it may be killed, and others act in between.
#pragma once

#include "actors.h"
#include "mounts.h"
#include "tools/remount_calls.h"

namespace efs::watchdog::simulation {

struct World;

class SimulatedRemount final : public RemountCalls {
 public:
  explicit SimulatedRemount(World& world) : world_(world) {}

  Result<mounts::MountTable> mountTable() override;
  bool stillAttached(const mounts::MountIdentity& mount) override;
  Result<std::unique_ptr<TableEvents>> tableEvents() override;
  Result<HeldPtr> ownIdentifier(const std::string& lock_path, Duration patience) override;
  Result<HeldPtr> tryLockPlace(const std::string& lock_path, const std::string& target) override;
  Result<std::string> runMaker(unsigned seconds, Duration patience,
                               const std::function<Result<std::string>()>& body) override;
  void setDeadline(unsigned seconds) override;
  void beUninterrupted() override;
  Status pause(Duration time) override;
  Result<std::unique_ptr<NewMount>> makeMount(const mounts::NfsMountRequest& request) override;
  Status mountAt(const mounts::NfsMountRequest& request, Duration patience) override;
  Result<std::unique_ptr<NewMount>> takeUp(const std::string& path) override;
  Status bind(const std::string& from, const std::string& to) override;
  Result<std::string> askRoot(const std::string& path) override;
  Result<std::unique_ptr<Detachment>> detach(const std::string& target) override;
  bool detachNow(const std::string& path) override;

 private:
  World& world_;
  std::optional<mounts::MountTable> first_table_;  // put back: nothing changes after the first look
};

// A client that is in use as long as this exists.
class ClientUse {
 public:
  ClientUse(World& world, NfsClientPtr client);
  ClientUse(ClientUse&&) = default;
  ClientUse& operator=(ClientUse&&) = delete;
  ~ClientUse();
  const NfsClientPtr& client() const { return client_; }

 private:
  World& world_;
  NfsClientPtr client_;
};

// A mount through the tunnel of this port, by whoever asks: as soon as its server answers. Waits
// until the process is killed, or `patience` is over.
Result<ClientUse> makeClient(World& world, int port, std::optional<Duration> patience);

// The lock of all makers of mounts.
std::string placeLock();

}  // namespace efs::watchdog::simulation
