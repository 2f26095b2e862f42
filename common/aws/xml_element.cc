#include "xml_element.h"

#include <array>

#include "efs/base/text.h"

namespace efs::aws {
namespace {

// Position behind "<name ...>" and not of "<nameLonger>"; npos when there is none.
std::size_t contentBegin(std::string_view text, std::string_view name) {
  const std::string open = "<" + std::string(name);
  for (std::size_t at = text.find(open); at != std::string_view::npos;
       at = text.find(open, at + 1)) {
    const std::size_t behind = at + open.size();
    if (behind >= text.size()) break;
    if (text[behind] == '>') return behind + 1;
    const bool attributes =
        text[behind] == ' ' || text[behind] == '\t' || text[behind] == '\r' || text[behind] == '\n';
    if (!attributes) continue;
    const std::size_t close = text.find('>', behind);
    return close == std::string_view::npos ? close : close + 1;
  }
  return std::string_view::npos;
}

// The character for "amp" and so on; NUL for an unknown name.
char entity(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kEntities) {
    if (known == name) return character;
  }
  return '\0';
}

}  // namespace

std::optional<std::string_view> xmlElement(std::string_view text, std::string_view name) {
  const std::size_t begin = contentBegin(text, name);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = text.find("</" + std::string(name) + ">", begin);
  if (end == std::string_view::npos) return std::nullopt;
  return text.substr(begin, end - begin);
}

std::optional<std::string> xmlText(std::string_view text, std::string_view name) {
  const auto content = xmlElement(text, name);
  if (!content || content->find('<') != std::string_view::npos) return std::nullopt;
  std::string_view rest = trim(*content);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    if (rest.front() != '&') {
      out += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    const auto end = rest.find(';');
    const char character = end == std::string_view::npos ? '\0' : entity(rest.substr(1, end - 1));
    if (character == '\0') return std::nullopt;
    out += character;
    rest.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace efs::aws
