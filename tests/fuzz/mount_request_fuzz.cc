// Device and option list of mount.efs: "<device> LF <mount point> LF <options>".
#include <cstdint>
#include <string>

#include "efs/base/text.h"
#include "request/mount_request.h"
#include "request/option_spelling.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::mount_helper::CommandLine;
  using efs::mount_helper::makeMountRequest;
  const auto lines = efs::split(std::string(reinterpret_cast<const char*>(data), size), '\n');
  CommandLine command;
  command.device = lines[0];
  if (lines.size() > 1) command.mountpoint = lines[1];
  if (lines.size() > 2) command.options = lines[2];
  const auto request = makeMountRequest(command);
  if (!request && request.error().message().empty()) __builtin_trap();  // every refusal says why
  if (!request) return 0;
  // A device that was accepted names a file system id or is a name to resolve, and an absolute
  // path.
  const bool known = !request->device.fs_id.empty() || request->device.own_name;
  if (!known || request->device.path.front() != '/') __builtin_trap();
  constexpr std::size_t kLongestHint = 400;
  if (efs::mount_helper::spellingHint(request->nfs_options).size() > kLongestHint) __builtin_trap();
  return 0;
}
