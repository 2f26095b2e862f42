#include "doctor/bundle.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/base/version.h"
#include "efs/efsctl/status.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"

namespace efs::efsctl {
namespace {

constexpr std::size_t kMostOfLog = 1U << 20U;  // its end counts
constexpr std::size_t kLargestLog = 64U << 20U;
constexpr Duration kPacking{30000};
constexpr Duration kLook{1000};

class Bundle {
 public:
  explicit Bundle(std::string directory)
      : directory_(std::move(directory)), secrets_(knownSecrets()) {}

  Status add(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    EFS_CHECK(makeDirectories(path.substr(0, path.rfind('/')), 0700));
    return writeFileAtomic(path, withoutSecrets(text, secrets_), {.mode = 0600});
  }

  // What cannot be read is left out: the doctor has told why, where it matters.
  Status addFile(const std::string& name, const std::string& path) {
    auto text = readUsersFile(path, kLargestLog, kLook);
    if (!text) return {};
    if (text->size() > kMostOfLog) text->erase(0, text->size() - kMostOfLog);
    return add(name, *text);
  }

  // The regular files of a directory, not what is below it: certificates stand there.
  Status addDirectory(const std::string& name, const std::string& path) {
    if (!usersPathAnswers(path + "/", kLook)) return {};
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(path, failed)) {
      const std::string file = entry.path().filename().string();
      const bool page = file.starts_with("tunnel-counters.");
      if (page || !entry.is_regular_file(failed) || entry.is_symlink(failed)) continue;
      if (file.find("privateKey") != std::string::npos) continue;
      EFS_CHECK(addFile(name + "/" + file, entry.path().string()));
    }
    return {};
  }

 private:
  std::string directory_;
  std::vector<std::string> secrets_;
};

std::string versions() {
  utsname system{};
  if (::uname(&system) != 0) return {};
  return std::string("efsmount ") + std::string(productVersion()) + "\nkernel " + system.release +
         " " + system.version + " " + system.machine + "\n";
}

std::string linesWith(const std::string& path, std::string_view word) {
  std::string found;
  const auto text = readUsersFile(path, kLargestLog, kLook);
  for (const auto& line : text ? split(*text, '\n') : std::vector<std::string>()) {
    if (line.find(word) != std::string::npos) found += line + "\n";
  }
  return found;
}

Status pack(const std::string& directory, const std::string& archive) {
  SpawnOptions options;
  const char* tar = fileExists("/bin/tar") ? "/bin/tar" : "/usr/bin/tar";
  options.argv = {tar, "-czf", archive, "-C", directory, "."};
  const mode_t before = ::umask(077);
  auto process = Subprocess::spawn(options);
  ::umask(before);
  if (!process) return unexpected(std::move(process).error().addContext("packing " + archive));
  EFS_TRY(ended, process->wait(kPacking));
  if (ended && ended->code == 0) return {};
  if (!ended) process->killAndReap();
  return Error(ErrorKind::kIo, "packing " + archive + ": tar " +
                                   (ended ? ended->describe() : "did not end in time"))
      .addHint("is the directory there, the disk not full, and gzip installed?");
}

}  // namespace

Status writeBundle(const DoctorOptions& options, const DoctorReport& report,
                   const std::string& directory) {
  Bundle bundle(directory);
  EFS_CHECK(bundle.add("doctor.json", doctorJson(report)));
  EFS_CHECK(bundle.add("versions", versions()));
  std::string lines;
  StatusOptions status;
  status.state_dir = options.state_dir;
  const SystemClock clock;
  if (const auto facts = gatherStatus(status, clock)) {
    EFS_CHECK(bundle.add("status.json", statusJson(judgeStatus(*facts))));
  }
  for (const KindFacts& facts : kFileSystemKinds) {
    EFS_CHECK(bundle.addFile(std::string(facts.config), settings::configPath(facts.kind)));
    lines += linesWith(options.fstab, std::string(facts.type));
  }
  EFS_CHECK(bundle.add("fstab", lines));
  EFS_CHECK(bundle.add("mountinfo", linesWith("/proc/self/mountinfo", " nfs")));
  EFS_CHECK(bundle.addFile("resolv.conf", "/etc/resolv.conf"));
  EFS_CHECK(bundle.addDirectory("state", options.state_dir));
  EFS_CHECK(bundle.addDirectory("log", log::kDirectory));
  return pack(directory, options.bundle);
}

}  // namespace efs::efsctl
