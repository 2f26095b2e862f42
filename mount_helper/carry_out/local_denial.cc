#include "carry_out/local_denial.h"

#include <charconv>
#include <cstdint>
#include <optional>

#include "efs/base/text.h"

namespace efs::mount_helper {
namespace {

constexpr unsigned kSysAdmin = 21;  // CAP_SYS_ADMIN of linux/capability.h

// The number behind "Name:"; proc(5).
std::optional<std::uint64_t> field(std::string_view status, std::string_view name, int base) {
  for (const auto& line : split(status, '\n')) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    const std::string_view text = trim(std::string_view(line).substr(name.size() + 1));
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (code == std::errc()) return value;
  }
  return std::nullopt;
}

}  // namespace

Error localDenial(const Error& cause, std::string_view process_status) {
  const auto capabilities = field(process_status, "CapEff", 16);
  const auto seccomp = field(process_status, "Seccomp", 10);
  std::string text = "this host does not permit the mount, the file system does";
  std::string hint = "a security module may forbid it: see `dmesg`, `ausearch -m avc`";
  if (capabilities && ((*capabilities >> kSysAdmin) & 1U) == 0) {
    text += ": this process has no CAP_SYS_ADMIN";
    hint = "a container needs it to mount: docker --cap-add SYS_ADMIN, Kubernetes privileged: true";
  } else if (seccomp.value_or(0) == 2) {
    text += ": a seccomp filter is in force";
    hint =
        "it may forbid mount(2): docker --security-opt seccomp=unconfined; or a security module "
        "does: see `dmesg`";
  }
  Error error(ErrorKind::kPermission, text + ": " + cause.message());
  error.addHint(hint);
  return error;
}

}  // namespace efs::mount_helper
