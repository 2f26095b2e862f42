#include "facts/region_memory.h"

#include <algorithm>
#include <chrono>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::mount_helper {
namespace {

constexpr std::chrono::seconds kFresh = std::chrono::minutes(10);
// It is written once in this time: mounts come by the hundred.
constexpr std::chrono::seconds kWorthKeeping = std::chrono::minutes(1);

struct Note {
  std::string region;
  std::chrono::seconds age{};
};

bool looksLikeRegion(std::string_view text) {
  return !text.empty() && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// "eu-west-1 1790000000\n"
std::optional<Note> readNote(const std::string& path, const Clock& clock) {
  const auto text = readFile(path);
  if (!text) return std::nullopt;
  const auto words = split(trim(*text), ' ');
  const auto time = words.size() == 2 ? parseInt(words[1]) : std::nullopt;
  if (!time || !looksLikeRegion(words[0])) return std::nullopt;
  const auto now = std::chrono::floor<std::chrono::seconds>(clock.now().time_since_epoch());
  return Note{words[0], now - std::chrono::seconds(*time)};
}

}  // namespace

RegionMemory::RegionMemory(std::string directory, const Clock& clock)
    : path_(std::move(directory) + "/instance-region"), clock_(clock) {}

void RegionMemory::keep(const std::string& region) const {
  const auto known = readNote(path_, clock_);
  if (known && known->region == region && known->age.count() >= 0 && known->age < kWorthKeeping) {
    return;
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now().time_since_epoch());
  // Whoever cannot write it asks again.
  (void)writeFileAtomic(path_, region + " " + std::to_string(now.count()) + "\n", {.mode = 0600});
}

std::optional<std::string> RegionMemory::recall() const {
  const auto note = readNote(path_, clock_);
  // A clock that was set back tells nothing about the age.
  if (!note || note->age.count() < 0 || note->age > kFresh) return std::nullopt;
  return note->region;
}

}  // namespace efs::mount_helper
