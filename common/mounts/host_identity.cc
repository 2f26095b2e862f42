#include "efs/mounts/host_identity.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "efs/base/files.h"
#include "efs/base/random.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"

namespace efs::mounts {
namespace {

constexpr std::size_t kMaxFact = 256;
constexpr std::size_t kNonceBytes = 16;
constexpr int kNetnsCookie = 71;  // SO_NETNS_COOKIE, asm-generic/socket.h

std::string fact(const std::string& path) {
  const auto text = readFile(path, kMaxFact);
  return text ? toLower(trim(*text)) : std::string();
}

std::string machineId(const std::string& root) {
  const std::string id = fact(root + "/etc/machine-id");
  // machine-id(5): what an image says that is to get one at its first boot.
  return id == "uninitialized" ? std::string() : id;
}

std::string instanceId(const std::string& dmi) {
  const std::string tag = fact(dmi + "/board_asset_tag");
  return tag.rfind("i-", 0) == 0 ? tag : std::string();
}

// Some makers give all their boards one number, or none.
std::string productUuid(const std::string& dmi) {
  const std::string uuid = fact(dmi + "/product_uuid");
  if (uuid == "03000200-0400-0500-0006-000700080009") return {};
  const auto digits = replaceAll(uuid, "-", "");
  const bool uuid_like =
      digits.size() == 32 && digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  const bool uniform = digits.find_first_not_of(digits.substr(0, 1)) == std::string::npos;
  return uuid_like && !uniform ? uuid : std::string();
}

std::string networkCards(const std::string& root) {
  std::vector<std::string> addresses;
  std::error_code error;
  for (const auto& card : std::filesystem::directory_iterator(root + "/sys/class/net", error)) {
    // Only hardware has a device; bridges and the like have addresses of the day.
    if (fileExists(card.path().string() + "/device")) {
      addresses.push_back(fact(card.path().string() + "/address"));
    }
  }
  std::sort(addresses.begin(), addresses.end());
  return join(addresses, " ");
}

// These parameters exist in the kernel's first network namespace alone
// (net/core/sysctl_net_core.c).
bool firstNetwork(const std::string& root) {
  return fileExists(root + "/proc/sys/net/core/netdev_budget");
}

// link(2) never replaces: whoever comes second reads what the first one wrote.
Result<std::string> nonceIn(const std::string& folder) {
  const std::string path = folder + "/host-nonce";
  if (std::string kept = fact(path); kept.size() == 2 * kNonceBytes) return kept;
  const std::string made = path + "." + std::to_string(::getpid());
  EFS_CHECK(
      writeFileAtomic(made, hex(randomBytes(kNonceBytes)) + "\n", {.mode = 0600, .durable = true}));
  const int linked = ::link(made.c_str(), path.c_str()) == 0 ? 0 : errno;
  (void)removeFile(made);
  if (linked != 0 && linked != EEXIST) return Error::fromErrno(linked, "making " + path);
  std::string kept = fact(path);
  if (kept.size() == 2 * kNonceBytes) return kept;
  return Error(ErrorKind::kInvalidInput, path + " holds no random number of this host")
      .addHint("remove it");
}

}  // namespace

bool HostIdentity::namesTheMachine() const {
  return !instance.empty() || !product.empty() || !machine_id.empty();
}

std::string HostIdentity::text() const {
  return join({"machine " + machine_id, "instance " + instance, "product " + product,
               "cards " + cards, "network " + network, "nonce " + nonce},
              "\n");
}

HostIdentity HostIdentity::read(const std::string& root) {
  const std::string dmi = root + "/sys/devices/virtual/dmi/id";
  HostIdentity host;
  host.machine_id = machineId(root);
  host.instance = instanceId(dmi);
  host.product = productUuid(dmi);
  if (host.instance.empty() && host.product.empty()) host.cards = networkCards(root);
  if (!firstNetwork(root)) host.network = bootId(root) + " " + networkNamespaceName();
  return host;
}

Result<std::string> hostNonce(const std::vector<std::string>& folders) {
  Error last(ErrorKind::kInternal, "no folder for the random number of this host");
  for (const auto& folder : folders) {
    auto nonce = nonceIn(folder);
    if (nonce) return nonce;
    last = std::move(nonce.error());
  }
  return last;
}

std::string networkNamespaceName() {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (socket.valid() && ::getsockopt(socket.get(), SOL_SOCKET, kNetnsCookie, &cookie, &size) == 0) {
    return "cookie-" + std::to_string(cookie);
  }
  struct stat info {};
  if (::stat("/proc/thread-self/ns/net", &info) != 0) return "unknown";
  return "inode-" + std::to_string(info.st_ino);
}

std::string bootId(const std::string& root) {
  return fact(root + "/proc/sys/kernel/random/boot_id");
}

}  // namespace efs::mounts
