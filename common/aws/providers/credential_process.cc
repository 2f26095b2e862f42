#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include "../shell_words.h"
#include "efs/aws/credential_documents.h"
#include "efs/base/files.h"
#include "efs/base/programs.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "profile_sources.h"

namespace efs::aws {
namespace {

constexpr std::size_t kMaxOutput = 65536;

Result<std::string> programOf(const CredentialContext& context, const std::string& name,
                              const std::string& path) {
  // Its own directory is "/", and that of a renewal is the watchdog's.
  if (name.find('/') != std::string::npos) return context.absolute(name);
  EFS_TRY(found, findUsersProgram(name, path));
  if (!found.empty()) return found;
  return Error(ErrorKind::kNotFound, "program " + printable(name, 120) + " is not in " + path);
}

// Ends the program and whatever it started, however the caller leaves.
class RunningProcess {
 public:
  explicit RunningProcess(Subprocess process) : process_(std::move(process)) {}
  RunningProcess(const RunningProcess&) = delete;
  RunningProcess& operator=(const RunningProcess&) = delete;
  ~RunningProcess() {
    if (ended_) return;
    ::kill(-process_.pid(), SIGKILL);  // its session is its own
    process_.killAndReap();
  }
  Result<ExitStatus> wait(const Deadline& deadline) {
    EFS_TRY(status, process_.wait(deadline.left()));
    if (!status) return Error(ErrorKind::kTimeout, "the program does not end in time");
    ended_ = true;
    return *status;
  }

 private:
  Subprocess process_;
  bool ended_ = false;
};

Result<Secret> readOutput(int fd, const Deadline& deadline) {
  std::string output;
  output.reserve(kMaxOutput);  // no copy of a secret is left behind by growing
  std::array<char, 4096> chunk{};
  while (true) {
    EFS_TRY(ready, waitReady(fd, POLLIN, deadline));
    if (!ready) {
      wipe(output);
      return Error(ErrorKind::kTimeout, "the program does not answer in time");
    }
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno != EINTR) return Error::fromErrno(errno, "reading its output");
    if (got == 0) break;
    if (got > 0) output.append(chunk.data(), static_cast<std::size_t>(got));
    if (output.size() > kMaxOutput) {
      wipe(output);
      return Error(ErrorKind::kProtocol,
                   "the program writes more than " + std::to_string(kMaxOutput) + " bytes");
    }
  }
  std::fill(chunk.begin(), chunk.end(), '\0');
  return Secret(std::move(output));
}

Result<Secret> outputOf(const CredentialContext& context, SpawnOptions options) {
  EFS_TRY(pipe, makePipe());
  options.fds = {{pipe.write_end.get(), STDOUT_FILENO}};
  options.new_session = true;
  const Deadline deadline(context.clock, context.patience.process);
  EFS_TRY(spawned, Subprocess::spawn(options));
  RunningProcess process(std::move(spawned));
  pipe.write_end.reset();
  EFS_TRY(output, readOutput(pipe.read_end.get(), deadline));
  EFS_TRY(status, process.wait(deadline));
  if (status.code == 0) return output;
  return Error(ErrorKind::kPermission, "the program " + status.describe())
      .addHint("run it by hand to see what it says");
}

}  // namespace

Result<Credentials> credentialsOfProcess(const CredentialContext& context,
                                         const std::string& command) {
  SpawnOptions options;
  EFS_TRY(words, splitShellWords(command));
  if (words.empty()) return Error(ErrorKind::kInvalidInput, "the command is empty");
  const std::string path = context.environment("PATH").value_or(std::string(kProgramDirectories));
  EFS_TRY(program, programOf(context, words[0], path));
  options.argv = std::move(words);
  options.argv[0] = program;
  options.env = {{"PATH", path}, {"HOME", context.environment("HOME").value_or("")}};
  if (options.env["HOME"].empty()) options.env["HOME"] = context.home_directory;
  EFS_TRY(output, outputOf(context, std::move(options)));
  EFS_TRY(credentials, parseProcessCredentials(output.reveal()));
  if (credentials.expiration && *credentials.expiration <= context.clock.now()) {
    return Error(ErrorKind::kPermission,
                 "the program gives credentials that ended at " +
                     utcText(*credentials.expiration, "%Y-%m-%dT%H:%M:%SZ"));
  }
  return credentials;
}

}  // namespace efs::aws
