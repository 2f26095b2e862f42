#include "efs/mounts/mount_options.h"

#include <algorithm>

#include "efs/base/text.h"

namespace efs::mounts {
namespace {

template <typename Words>
auto find(Words& words, std::string_view key) {
  return std::find_if(words.begin(), words.end(),
                      [key](const auto& word) { return word.first == key; });
}

void setIfMissing(OptionList& options, std::string_view key, std::optional<std::string> value) {
  if (!options.has(key)) options.set(key, std::move(value));
}

}  // namespace

OptionList OptionList::parse(std::string_view text) {
  OptionList list;
  for (const auto& word : split(text, ',')) {
    if (word.empty()) continue;
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      list.set(word, std::nullopt);
    } else {
      list.set(std::string_view(word).substr(0, equals), word.substr(equals + 1));
    }
  }
  return list;
}

bool OptionList::has(std::string_view key) const { return find(words_, key) != words_.end(); }

std::optional<std::string> OptionList::value(std::string_view key) const {
  const auto word = find(words_, key);
  if (word == words_.end()) return std::nullopt;
  return word->second.value_or("");
}

void OptionList::set(std::string_view key, std::optional<std::string> value) {
  const auto word = find(words_, key);
  if (word != words_.end()) {
    word->second = std::move(value);
  } else {
    words_.emplace_back(key, std::move(value));
  }
}

bool OptionList::remove(std::string_view key) {
  const auto word = find(words_, key);
  if (word == words_.end()) return false;
  words_.erase(word);
  return true;
}

std::string OptionList::text() const {
  std::string text;
  for (const auto& [key, value] : words_) {
    if (!text.empty()) text += ',';
    text += key;
    if (value) text += '=' + *value;
  }
  return text;
}

void addNfsDefaults(OptionList& options, std::optional<int> port, std::string_view version) {
  if (!options.has("vers")) setIfMissing(options, "nfsvers", std::string(version));
  setIfMissing(options, "rsize", "1048576");
  setIfMissing(options, "wsize", "1048576");
  if (!options.has("soft")) setIfMissing(options, "hard", std::nullopt);
  setIfMissing(options, "timeo", "600");
  setIfMissing(options, "retrans", "2");
  setIfMissing(options, "noresvport", std::nullopt);
  if (port) options.set("port", std::to_string(*port));
}

}  // namespace efs::mounts
