// What the kernel's NFS client tells in /proc/net/nfsfs (fs/nfs/client.c: nfs_server_list_show and
// nfs_volume_list_show):
//
//   NV SERVER   PORT USE HOSTNAME          NV SERVER   PORT DEV          FSID    FSC
//   v4 7f000001 4e51   2 127.0.0.1         v4 7f000001 4e51 0:50         0:0     no
//
// Address and port are hexadecimal.
#include <charconv>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_table.h"

namespace efs::mounts {
namespace {

constexpr std::string_view kLoopbackHex = "7f000001";

std::string_view nextField(std::string_view& line) {
  const auto start = line.find_first_not_of(' ');
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start);
  const auto field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

bool isHexPort(std::string_view text, int port) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() &&
         value == static_cast<unsigned>(port);
}

}  // namespace

bool listsTunnelPort(std::string_view nfsfs, int port) {
  while (!nfsfs.empty()) {
    auto line = nfsfs.substr(0, nfsfs.find('\n'));
    nfsfs.remove_prefix(std::min(line.size() + 1, nfsfs.size()));
    const auto version = nextField(line);
    const auto server = nextField(line);
    const auto port_text = nextField(line);
    const bool is_entry = !version.empty() && version.front() == 'v';
    if (is_entry && server == kLoopbackHex && isHexPort(port_text, port)) return true;
  }
  return false;
}

Result<bool> kernelUsesTunnelPort(int port, const std::string& proc_net) {
  for (const char* name : {"/nfsfs/servers", "/nfsfs/volumes"}) {
    const auto content = readFile(proc_net + name);
    if (!content && content.error().kind() == ErrorKind::kNotFound) continue;
    if (!content) return content.error();
    if (listsTunnelPort(*content, port)) return true;
  }
  return false;
}

}  // namespace efs::mounts
