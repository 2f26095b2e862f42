#include "unknown_keys.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "efs/base/nearest_word.h"
#include "efs/base/text.h"
#include "layers.h"

namespace efs::settings {
namespace {

using Names = std::set<std::string>;

// Keys of efs-utils, its CSI driver and its s3files that files of users have and that mean nothing
// here: no spelling mistakes.
constexpr auto kOthers = std::to_array<std::pair<const char*, const char*>>({
    {"mount", "csi_driver_version"},
    {"mount", "stunnel_health_check_enabled"},
    {"mount-watchdog", "enable_version_check"},
    {"client-info", "enable_version_check"},
    {"proxy", "metrics_enabled"},
    {"proxy", "read_bypass_denylist_size"},
    {"proxy", "read_bypass_denylist_ttl_seconds"},
    {"proxy", "s3_read_chunk_size_bytes"},
    {"proxy", "readahead_cache_enabled"},
    {"proxy", "readahead_cache_init_memory_size_mb"},
    {"proxy", "readahead_cache_max_memory_size_mb"},
    {"proxy", "readahead_init_window_size_bytes"},
    {"proxy", "readahead_max_window_size_bytes"},
    {"proxy", "readahead_cache_eviction_interval_ms"},
    {"proxy", "readahead_cache_target_utilization_percent"},
    {"proxy", "read_bypass_max_in_flight_s3_bytes"},
});

class Vocabulary {
 public:
  explicit Vocabulary(const std::vector<std::string>& known) {
    for (const auto& entry : known) {
      const auto dot = entry.rfind('.');
      add(entry.substr(0, dot), entry.substr(dot + 1));
      variables_.insert(variableName(entry));
    }
    for (const auto& [section, key] : kOthers) add(section, key);
  }

  // The words that a section may hold; null: there is no such section.
  const Names* keysOf(const std::string& section) const {
    if (section == "DEFAULT") return &all_;
    if (section.compare(0, kRegionPrefix.size(), kRegionPrefix) == 0) return &regional_;
    const auto found = sections_.find(section);
    return found == sections_.end() ? nullptr : &found->second;
  }
  Names sections() const {
    Names names{"DEFAULT"};
    for (const auto& [section, keys] : sections_) names.insert(section);
    return names;
  }
  const Names& variables() const { return variables_; }

 private:
  void add(const std::string& section, const std::string& key) {
    sections_[section].insert(key);
    all_.insert(key);
  }

  std::map<std::string, Names> sections_;
  Names all_, variables_;
  Names regional_{"dns_name_suffix", "stunnel_cafile"};
};

std::string meant(const std::string& word, const Names& names) {
  const std::vector<std::string_view> words(names.begin(), names.end());
  const std::string lower = toLower(word);
  for (const auto& name : names) {
    if (toLower(name) == lower) return "; did you mean \"" + name + "\"?";
  }
  const auto nearest = nearestWord(word, words);
  return nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?";
}

// Where the key belongs, if to another section.
std::string belongs(const std::string& key, const Vocabulary& vocabulary) {
  for (const auto& section : vocabulary.sections()) {
    if (section != "DEFAULT" && vocabulary.keysOf(section)->contains(key)) {
      return "; it belongs to [" + section + "]";
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> unknownKeys(const IniFile& ini, const std::vector<std::string>& known) {
  const Vocabulary vocabulary(known);
  std::vector<std::string> lines;
  Names told;
  for (const auto& [section, key, origin] : ini.keys()) {
    if (section == kVariablePrefix) {
      std::string name = origin.name.substr(origin.name.find(' ') + 1);
      lines.push_back(origin.name + " is no key and does nothing" +
                      meant(name, vocabulary.variables()));
      continue;
    }
    const Names* keys = vocabulary.keysOf(section);
    if (keys == nullptr) {
      if (!told.insert(section).second) continue;
      lines.push_back(origin.text() + ": section [" + printable(section) +
                      "] is unknown and does nothing" + meant(section, vocabulary.sections()));
    } else if (!keys->contains(key)) {
      const std::string elsewhere = belongs(key, vocabulary);
      lines.push_back(origin.text() + ": [" + section + "] " + printable(key) +
                      " is unknown and does nothing" +
                      (elsewhere.empty() ? meant(key, *keys) : elsewhere));
    }
  }
  return lines;
}

}  // namespace efs::settings
