#include "efs/mounts/identifier_journal.h"

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/mounts/host_identity.h"

namespace efs::mounts {
namespace {

constexpr std::size_t kMaxJournal = 8192;
constexpr std::string_view kEnd = "end";

}  // namespace

std::string IdentifierChange::serialize() const {
  return "boot=" + boot + "\nnetwork=" + network + "\nformer=" + former + "\n" + std::string(kEnd) +
         "\n";
}

std::optional<IdentifierChange> IdentifierChange::parse(std::string_view text) {
  IdentifierChange change;
  bool whole = false;
  for (const auto& line : split(text, '\n')) {
    const auto equals = line.find('=');
    const std::string key = line.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : line.substr(equals + 1);
    if (key == "boot") change.boot = value;
    if (key == "network") change.network = value;
    if (key == "former") change.former = value;
    if (line == kEnd) whole = true;
  }
  if (!whole || change.boot.empty() || change.network.empty()) return std::nullopt;
  return change;
}

IdentifierJournal::IdentifierJournal(const std::string& lock_path)
    : boot_(bootId()),
      network_(networkNamespaceName()),
      path_(lock_path + ".former-" + shortName(network_)) {}

bool IdentifierJournal::exists() const { return fileExists(path_); }

std::optional<std::string> IdentifierJournal::unfinished() const {
  const auto text = readFile(path_, kMaxJournal);
  const auto change = text ? IdentifierChange::parse(*text) : std::nullopt;
  if (!change || change->boot != boot_ || change->network != network_) return std::nullopt;
  return change->former;
}

Status IdentifierJournal::begin(const std::string& former) const {
  return writeFileAtomic(path_, IdentifierChange{boot_, network_, former}.serialize());
}

void IdentifierJournal::finish() const { (void)removeFile(path_); }

}  // namespace efs::mounts
