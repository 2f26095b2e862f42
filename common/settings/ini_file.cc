#include "efs/settings/ini_file.h"

#include <ini.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "ini_lines.h"
#include "interpolation.h"

namespace efs::settings {
namespace {

constexpr const char* kDefaultSection = "DEFAULT";

// What inih sees: "[<n>]" or "key=<n>" with n the index of the line. Names and values stay here,
// because inih as built by Debian cuts lines at 200 bytes, sections at 49, and " ;..." off values.
// It puts keys into sections, no more.
struct Feed {
  const std::vector<IniLine>& lines;
  std::size_t next = 0;
  std::function<void(std::size_t section, std::size_t line)> store;
};

char* readOne(char* buffer, int size, void* stream) {
  auto& feed = *static_cast<Feed*>(stream);
  if (feed.next == feed.lines.size()) return nullptr;
  const std::string number = std::to_string(feed.next);
  const std::string text = feed.lines[feed.next].is_section ? "[" + number + "]" : "key=" + number;
  ++feed.next;
  // Cannot happen: a number is shorter than any line that inih takes.
  if (text.size() >= static_cast<std::size_t>(size)) return nullptr;
  std::memcpy(buffer, text.c_str(), text.size() + 1);
  return buffer;
}

int storeOne(void* user, const char* section, const char*, const char* value) {
  auto& feed = *static_cast<Feed*>(user);
  const auto valid = [&](const std::optional<std::int64_t>& index) {
    return index && *index >= 0 && static_cast<std::size_t>(*index) < feed.lines.size();
  };
  const auto in = parseInt(section);
  const auto line = parseInt(value);
  if (!valid(in) || !valid(line)) return 0;
  feed.store(static_cast<std::size_t>(*in), static_cast<std::size_t>(*line));
  return 1;
}

}  // namespace

Result<IniFile> IniFile::load(const std::string& path) {
  auto text = readUsersFile(path);
  if (text) return parse(*text, path);
  if (text.error().kind() == ErrorKind::kNotFound) return parse("", path);
  return Error(text.error());
}

Result<IniFile> IniFile::parse(std::string_view text, const std::string& name) {
  if (text.size() > kMaxFileSize) return Error(ErrorKind::kInvalidInput, name + ": file too long");
  EFS_TRY(lines, IniLines::read(text, name));
  IniFile file;
  file.name_ = name;
  for (const auto& line : lines) {
    // inih does not report a section without keys.
    if (!line.is_section) continue;
    if (line.name != kDefaultSection) file.order_.push_back(line.name);
    file.sections_[line.name];
  }
  Feed feed{lines, 0, [&](std::size_t section, std::size_t line) {
              file.sections_[lines[section].name][lines[line].name] = {lines[line].value,
                                                                       {name, lines[line].number}};
            }};
  const int bad = ini_parse_stream(readOne, &feed, storeOne, &feed);
  if (bad != 0 || feed.next != lines.size()) {
    const std::size_t at = bad > 0 ? static_cast<std::size_t>(bad) - 1 : 0;
    const std::size_t number = at < lines.size() ? lines[at].number : 0;
    return Error(ErrorKind::kInvalidInput,
                 name + ": line " + std::to_string(number) + ": not understood");
  }
  return file;
}

void IniFile::lay(const IniFile& over) {
  for (const auto& section : over.order_) {
    if (!hasSection(section)) order_.push_back(section);
  }
  for (const auto& [section, keys] : over.sections_) {
    for (const auto& [key, value] : keys) sections_[section][key] = value;
  }
}

void IniFile::set(const std::string& section, std::string_view key, std::string_view value,
                  const std::string& origin) {
  if (section != kDefaultSection && !hasSection(section)) order_.push_back(section);
  sections_[section][toLower(key)] = {replaceAll(std::string(value), "%", "%%"), {origin, 0}};
}

bool IniFile::hasSection(const std::string& section) const {
  return std::find(order_.begin(), order_.end(), section) != order_.end();
}

std::vector<std::string> IniFile::sections() const { return order_; }

std::vector<IniFile::Key> IniFile::keys() const {
  std::vector<Key> all;
  for (const auto& [section, values] : sections_) {
    for (const auto& [key, value] : values) all.push_back({section, key, value.origin});
  }
  return all;
}

std::optional<IniFile::Origin> IniFile::originOf(const std::string& section,
                                                 std::string_view key) const {
  const Value* value = rawValue(section, toLower(key));
  if (value == nullptr) return std::nullopt;
  return value->origin;
}

const IniFile::Value* IniFile::rawValue(const std::string& section, const std::string& key) const {
  for (const auto& name : {section, std::string(kDefaultSection)}) {
    const auto found = sections_.find(name);
    if (found == sections_.end()) continue;
    const auto value = found->second.find(key);
    if (value != found->second.end()) return &value->second;
  }
  return nullptr;
}

Result<std::optional<std::string>> IniFile::find(const std::string& section,
                                                 std::string_view key) const {
  const std::string wanted = toLower(key);
  const Value* raw = rawValue(section, wanted);
  if (raw == nullptr) return std::optional<std::string>();
  auto value = interpolate(raw->text, [&](const std::string& other) {
    const Value* found = rawValue(section, other);
    return found == nullptr ? nullptr : &found->text;
  });
  if (value) return std::optional<std::string>(*std::move(value));
  return Error(value.error()).addContext(raw->origin.name + ": [" + section + "] " + wanted);
}

}  // namespace efs::settings
