#include "efs/settings/ini_file.h"

#include <ini.h>

#include <algorithm>
#include <cstring>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "ini_lines.h"
#include "interpolation.h"

namespace efs::settings {
namespace {

constexpr const char* kDefaultSection = "DEFAULT";

// What inih sees: "[section]" or "key=<n>" with n the index of the line. The value itself stays
// here, because inih as built by Debian cuts lines at 200 bytes and " ;..." off values.
struct Feed {
  const std::vector<IniLine>& lines;
  std::size_t next = 0;
  std::function<void(const std::string& section, const std::string& key, std::size_t line)> store;
};

char* readOne(char* buffer, int size, void* stream) {
  auto& feed = *static_cast<Feed*>(stream);
  if (feed.next == feed.lines.size()) return nullptr;
  const IniLine& line = feed.lines[feed.next];
  const std::string text =
      line.is_section ? "[" + line.name + "]" : line.name + "=" + std::to_string(feed.next);
  ++feed.next;
  // Cannot happen: IniLines bounds names well below inih's line length.
  if (text.size() >= static_cast<std::size_t>(size)) return nullptr;
  std::memcpy(buffer, text.c_str(), text.size() + 1);
  return buffer;
}

int storeOne(void* user, const char* section, const char* key, const char* value) {
  auto& feed = *static_cast<Feed*>(user);
  const auto index = parseInt(value);
  if (!index || *index < 0 || static_cast<std::size_t>(*index) >= feed.lines.size()) return 0;
  feed.store(section, key, static_cast<std::size_t>(*index));
  return 1;
}

}  // namespace

Result<IniFile> IniFile::load(const std::string& path) {
  auto text = readFile(path);
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
  Feed feed{lines, 0, [&](const std::string& section, const std::string& key, std::size_t line) {
              file.sections_[section][key] = lines[line].value;
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

bool IniFile::hasSection(const std::string& section) const {
  return std::find(order_.begin(), order_.end(), section) != order_.end();
}

std::vector<std::string> IniFile::sections() const { return order_; }

const std::string* IniFile::rawValue(const std::string& section, const std::string& key) const {
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
  const std::string* raw = rawValue(section, wanted);
  if (raw == nullptr) return std::optional<std::string>();
  auto value =
      interpolate(*raw, [&](const std::string& other) { return rawValue(section, other); });
  if (value) return std::optional<std::string>(*std::move(value));
  return Error(value.error()).addContext(name_ + ": [" + section + "] " + wanted);
}

}  // namespace efs::settings
