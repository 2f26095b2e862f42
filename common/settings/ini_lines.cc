#include "ini_lines.h"

#include "efs/base/text.h"

namespace efs::settings {
namespace {

// inih copies section names into 50 bytes and lines into 200: what does not fit is refused here
// instead of being cut there. Values do not travel through inih (ini_file.cc).
constexpr std::size_t kMaxSection = 49;
constexpr std::size_t kMaxKey = 100;

// The next line without its end; CR, LF and CR LF end a line, as in Python's text mode.
std::string_view nextLine(std::string_view& text) {
  const auto end = text.find_first_of("\r\n");
  const auto line = text.substr(0, end);
  if (end == std::string_view::npos) {
    text = {};
  } else {
    text.remove_prefix(text.substr(end, 2) == "\r\n" ? end + 2 : end + 1);
  }
  return line;
}

}  // namespace

Error IniLines::invalid(const std::string& what) const {
  return {ErrorKind::kInvalidInput, name_ + ": line " + std::to_string(number_) + ": " + what};
}

Result<std::vector<IniLine>> IniLines::read(std::string_view text, const std::string& name) {
  IniLines reader(name);
  while (!text.empty()) {
    ++reader.number_;
    EFS_CHECK(reader.add(nextLine(text)));
  }
  for (auto& line : reader.lines_) {
    // Empty lines after a value joined it; at its end they mean nothing.
    line.value.erase(line.value.find_last_not_of(" \t\r\n\f\v") + 1);
  }
  return std::move(reader.lines_);
}

Status IniLines::add(std::string_view line) {
  if (line.find('\0') != std::string_view::npos) return invalid("NUL character");
  const auto content = trim(line);
  if (content.empty()) {
    // An empty line inside a value is part of it when the value goes on below.
    if (inValue()) lines_.back().value += '\n';
    return {};
  }
  if (content.front() == '#' || content.front() == ';') return {};
  const auto indent = static_cast<std::size_t>(content.data() - line.data());
  if (inValue() && indent > indent_) {
    lines_.back().value += '\n';
    lines_.back().value += content;
    return {};
  }
  indent_ = indent;
  // "[name]" with anything after the last bracket is a section.
  const auto bracket = content.rfind(']');
  if (content.front() == '[' && bracket != std::string_view::npos && bracket > 1) {
    return addSection(content.substr(1, bracket - 1));
  }
  return addKey(content);
}

Status IniLines::addSection(std::string_view header) {
  section_ = header;
  if (section_.size() > kMaxSection || section_.find(']') != std::string::npos) {
    return invalid("section name \"" + printable(header, 60) + "\" is too long or contains \"]\"");
  }
  // [DEFAULT] may be opened several times.
  if (section_ != "DEFAULT" && !seen_.emplace(section_, "").second) {
    return invalid("section [" + printable(header) + "] appears twice");
  }
  lines_.push_back({number_, true, section_, {}});
  return {};
}

Status IniLines::addKey(std::string_view line) {
  if (lines_.empty()) return invalid("no section header before this line");
  const auto delimiter = line.find_first_of("=:");
  const auto key = toLower(trim(line.substr(0, delimiter)));
  if (delimiter == std::string_view::npos || key.empty()) {
    return invalid("expected \"key = value\"");
  }
  if (key.size() > kMaxKey || key.front() == '[' || key.find(" ;") != std::string::npos ||
      key.find("\t;") != std::string::npos) {
    return invalid("key \"" + printable(key, 60) + "\" is too long or malformed");
  }
  if (!seen_.emplace(section_, key).second) {
    return invalid("key \"" + printable(key) + "\" appears twice in [" + printable(section_) + "]");
  }
  lines_.push_back({number_, false, key, std::string(trim(line.substr(delimiter + 1)))});
  return {};
}

}  // namespace efs::settings
