#include "efs/tunnel_control/tunnel_command.h"

#include <cstddef>
#include <string_view>

#include "efs/base/text.h"

namespace efs::tunnel_control {
namespace {

Error unknownForm(const std::string& why) {
  return {ErrorKind::kInvalidInput, "tunnel command: " + why};
}

std::string_view baseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool isAbsolute(const std::string& path) {
  return !path.empty() && path.front() == '/' && path.find('\0') == std::string::npos;
}

// Reads a leading "nsenter --net=<path>"; returns how many words it took.
Result<std::size_t> parseNamespace(const std::vector<std::string>& argv, TunnelCommand& command) {
  if (argv.empty() || baseName(argv[0]) != "nsenter") return 0U;
  constexpr std::string_view kNet = "--net=";
  if (argv.size() < 2 || argv[1].compare(0, kNet.size(), kNet) != 0) {
    return unknownForm("nsenter without --net=");
  }
  command.netns = argv[1].substr(kNet.size());
  if (!isAbsolute(command.netns)) return unknownForm("nsenter with a relative --net path");
  return 2U;
}

Status parseFlags(const std::vector<std::string>& argv, std::size_t first, TunnelCommand& command) {
  for (std::size_t i = first; i < argv.size(); ++i) {
    if (argv[i] == "--tls" && !command.stunnel) {
      command.tls = true;
    } else if (argv[i] != "--no-direct-s3-read" || command.stunnel) {
      return unknownForm("unexpected argument \"" + printable(argv[i]) + "\"");
    }
  }
  return {};
}

}  // namespace

Result<TunnelCommand> TunnelCommand::parse(const std::vector<std::string>& argv) {
  TunnelCommand command;
  EFS_TRY(at, parseNamespace(argv, command));
  if (argv.size() < at + 2) return unknownForm("no program with a configuration file");
  command.binary = argv[at];
  command.config_path = argv[at + 1];
  const auto program = baseName(command.binary);
  command.stunnel = program == "stunnel" || program == "stunnel5";
  if (!command.stunnel && program != "efs-proxy") {
    return unknownForm("\"" + printable(command.binary) + "\" is not a tunnel program");
  }
  command.tls = command.stunnel;
  if (!isAbsolute(command.config_path)) {
    return unknownForm("configuration file \"" + printable(command.config_path) +
                       "\" is not an absolute path");
  }
  EFS_CHECK(parseFlags(argv, at + 2, command));
  return command;
}

std::vector<std::string> tunnelCommand(const std::string& binary, const std::string& config_path,
                                       bool tls) {
  std::vector<std::string> argv{binary, config_path};
  if (tls) argv.emplace_back("--tls");
  argv.emplace_back("--no-direct-s3-read");
  return argv;
}

std::vector<std::string> recordedCommand(const std::vector<std::string>& command,
                                         const std::string& netns) {
  if (netns.empty()) return command;
  std::vector<std::string> recorded{"nsenter", "--net=" + netns};
  recorded.insert(recorded.end(), command.begin(), command.end());
  return recorded;
}

}  // namespace efs::tunnel_control
