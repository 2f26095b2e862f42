// What the kernel's NFS client tells in /proc/net/nfsfs (fs/nfs/client.c: nfs_server_list_show and
// nfs_volume_list_show):
//
//   NV SERVER   PORT USE HOSTNAME          NV SERVER   PORT DEV          FSID    FSC
//   v4 7f000001 4e51   2 127.0.0.1         v4 7f000001 4e51 0:50         0:0     no
//
// Address and port are hexadecimal.
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_table.h"

namespace efs::mounts {
namespace {

constexpr std::string_view kLoopbackHex = "7f000001";
constexpr unsigned kMaxPort = 65535;
constexpr int kMostLooks = 5;

std::string_view nextField(std::string_view& line) {
  const auto start = line.find_first_not_of(' ');
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start);
  const auto field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

std::optional<unsigned> number(std::string_view text, int base) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view takeLine(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// The port of an entry of a client of the loopback address; `line` is left at what follows it.
std::optional<int> takeLoopbackPort(std::string_view& line) {
  const auto version = nextField(line);
  const auto server = nextField(line);
  const auto port = number(nextField(line), 16);
  const bool is_entry = !version.empty() && version.front() == 'v';
  if (!is_entry || server != kLoopbackHex || !port || *port > kMaxPort) return std::nullopt;
  return static_cast<int>(*port);
}

bool isDevice(std::string_view text, dev_t device) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  return number(text.substr(0, colon), 10) == major(device) &&
         number(text.substr(colon + 1), 10) == minor(device);
}

// One that goes while the kernel walks its list anew for the next page moves another one out of
// sight.
Result<std::string> readWhole(const std::string& path) {
  EFS_TRY(content, readFile(path));
  for (int look = 1; look < kMostLooks; ++look) {
    EFS_TRY(again, readFile(path));
    if (again == content) break;
    content = std::move(again);
  }
  return content;
}

}  // namespace

bool listsTunnelPort(std::string_view nfsfs, int port) {
  while (!nfsfs.empty()) {
    auto line = takeLine(nfsfs);
    if (takeLoopbackPort(line) == port) return true;
  }
  return false;
}

std::optional<int> tunnelPortOfDevice(std::string_view volumes, dev_t device) {
  while (!volumes.empty()) {
    auto line = takeLine(volumes);
    const auto port = takeLoopbackPort(line);
    if (port && isDevice(nextField(line), device)) return port;
  }
  return std::nullopt;
}

bool listsDevice(std::string_view volumes, dev_t device) {
  while (!volumes.empty()) {
    auto line = takeLine(volumes);
    const auto version = nextField(line);
    for (int skipped = 0; skipped < 2; ++skipped) (void)nextField(line);
    if (!version.empty() && version.front() == 'v' && isDevice(nextField(line), device)) {
      return true;
    }
  }
  return false;
}

bool mayBeOfNetwork(std::string_view volumes, dev_t device) {
  return volumes.empty() || listsDevice(volumes, device);
}

std::vector<const MountEntry*> ofNetwork(std::vector<const MountEntry*> entries,
                                         std::string_view volumes) {
  const auto is_listed = [&](const auto* entry) { return listsDevice(volumes, entry->device); };
  if (std::any_of(entries.begin(), entries.end(), is_listed)) {
    std::erase_if(entries, [&](const auto* entry) { return !is_listed(entry); });
  }
  return entries;
}

Result<std::string> readVolumes(const std::string& proc_net) {
  return readWhole(proc_net + "/nfsfs/volumes");
}

Result<bool> kernelUsesTunnelPort(int port, const std::string& proc_net) {
  for (const char* name : {"/nfsfs/servers", "/nfsfs/volumes"}) {
    const auto content = readWhole(proc_net + name);
    if (!content && content.error().kind() == ErrorKind::kNotFound) continue;
    if (!content) return content.error();
    if (listsTunnelPort(*content, port)) return true;
  }
  return false;
}

}  // namespace efs::mounts
