#include "ini_lines.h"

#include "efs/base/text.h"

namespace efs::settings {

Error IniLines::invalid(const std::string& what) const {
  return {ErrorKind::kInvalidInput, name_ + ": line " + std::to_string(number_) + ": " + what};
}

Result<std::vector<IniLine>> IniLines::read(std::string_view text, const std::string& name) {
  IniLines reader(name);
  IniScanner scanner(text);
  while (const auto token = scanner.next()) {
    reader.number_ = token->line;
    EFS_CHECK(reader.add(*token));
  }
  for (auto& line : reader.lines_) {
    // Empty lines after a value joined it; at its end they mean nothing.
    line.value.erase(stripIniEnd(line.value).size());
  }
  return std::move(reader.lines_);
}

Status IniLines::add(const IniToken& token) {
  for (const auto part : {token.name, token.value}) {
    if (part.find('\0') != std::string_view::npos) return invalid("NUL character");
  }
  switch (token.kind) {
    case IniToken::Kind::kSection:
      return addSection(token.name);
    case IniToken::Kind::kKey:
      return addKey(token);
    case IniToken::Kind::kMore:
      lines_.back().value += '\n';
      lines_.back().value += token.value;
      return {};
    case IniToken::Kind::kBad:
      break;
  }
  return invalid(lines_.empty() ? "no section header before this line"
                                : "expected \"key = value\"");
}

Status IniLines::addSection(std::string_view header) {
  section_ = header;
  // [DEFAULT] may be opened several times.
  if (section_ != "DEFAULT" && !seen_.emplace(section_, "").second) {
    return invalid("section [" + printable(header) + "] appears twice");
  }
  lines_.push_back({number_, true, section_, {}});
  return {};
}

Status IniLines::addKey(const IniToken& token) {
  if (lines_.empty()) return invalid("no section header before this line");
  const auto key = iniKey(token.name);
  if (!seen_.emplace(section_, key).second) {
    return invalid("key \"" + printable(key) + "\" appears twice in [" + printable(section_) + "]");
  }
  lines_.push_back({number_, false, key, std::string(token.value)});
  return {};
}

}  // namespace efs::settings
