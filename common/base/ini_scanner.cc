#include "efs/base/ini_scanner.h"

#include <algorithm>
#include <array>

#include "efs/base/text.h"

namespace efs {
namespace {

// Longer than a byte in UTF-8; U+2000 to U+200A besides.
constexpr std::array<std::string_view, 8> kWideBlanks{
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
    "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool isBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

bool isNarrowSpace(std::string_view three) {  // U+2000 to U+200A
  return three.size() == 3 && three.starts_with("\xE2\x80") &&
         static_cast<unsigned char>(three[2]) >= 0x80 &&
         static_cast<unsigned char>(three[2]) <= 0x8A;
}

// Bytes of the blank that `text` begins with, 0 when it begins with none.
std::size_t blankAtStart(std::string_view text) {
  if (text.empty()) return 0;
  if (isBlank(text.front())) return 1;
  for (const auto blank : kWideBlanks) {
    if (text.starts_with(blank)) return blank.size();
  }
  return isNarrowSpace(text.substr(0, 3)) ? 3 : 0;
}

std::size_t blankAtEnd(std::string_view text) {
  if (text.empty()) return 0;
  if (isBlank(text.back())) return 1;
  for (const auto blank : kWideBlanks) {
    if (text.ends_with(blank)) return blank.size();
  }
  return text.size() >= 3 && isNarrowSpace(text.substr(text.size() - 3)) ? 3 : 0;
}

// Removes the blanks at the start and tells how many characters they are.
std::size_t takeIndent(std::string_view& text) {
  std::size_t characters = 0;
  while (const std::size_t bytes = blankAtStart(text)) {
    text.remove_prefix(bytes);
    ++characters;
  }
  return characters;
}

std::string_view takeLine(std::string_view& text) {
  const auto end = std::min(text.find_first_of("\r\n"), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + (text.substr(end, 2) == "\r\n" ? 2 : 1), text.size()));
  return line;
}

}  // namespace

std::string_view stripIniEnd(std::string_view text) {
  while (const std::size_t bytes = blankAtEnd(text)) text.remove_suffix(bytes);
  return text;
}

std::string_view stripIni(std::string_view text) {
  takeIndent(text);
  return stripIniEnd(text);
}

std::optional<IniToken> IniScanner::next() {
  while (!rest_.empty()) {
    ++line_;
    if (auto token = judge(takeLine(rest_))) return token;
  }
  return std::nullopt;
}

std::optional<IniToken> IniScanner::judge(std::string_view line) {
  using Kind = IniToken::Kind;
  const std::size_t indent = takeIndent(line);
  line = stripIniEnd(line);
  if (line.empty()) {
    if (!in_value_) return std::nullopt;
    return IniToken{Kind::kMore, line_, {}, {}};
  }
  if (line.front() == '#' || line.front() == ';') return std::nullopt;
  if (in_value_ && indent > indent_) return IniToken{Kind::kMore, line_, {}, line};
  indent_ = indent;
  in_value_ = false;
  const auto bracket = line.rfind(']');
  if (line.front() == '[' && bracket != std::string_view::npos && bracket > 1) {
    has_section_ = true;
    return IniToken{Kind::kSection, line_, line.substr(1, bracket - 1), {}};
  }
  const auto delimiter = line.find_first_of("=:");
  const auto key = stripIniEnd(line.substr(0, delimiter));
  if (delimiter == std::string_view::npos || key.empty()) {
    return IniToken{Kind::kBad, line_, line, {}};
  }
  in_value_ = has_section_;
  return IniToken{Kind::kKey, line_, key, stripIni(line.substr(delimiter + 1))};
}

std::string iniKey(std::string_view name) {
  constexpr std::string_view kKelvin = "\xE2\x84\xAA";
  return replaceAll(toLower(name), kKelvin, "k");
}

}  // namespace efs
