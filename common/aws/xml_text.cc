#include "xml_text.h"

#include "efs/base/text.h"

namespace efs::aws {

std::optional<std::string_view> xmlElement(std::string_view text, std::string_view name,
                                           std::string_view* rest) {
  const std::string open = "<" + std::string(name) + ">";
  const std::string close = "</" + std::string(name) + ">";
  const auto begin = text.find(open);
  if (begin == std::string_view::npos) return std::nullopt;
  const auto content = begin + open.size();
  const auto end = text.find(close, content);
  if (end == std::string_view::npos) return std::nullopt;
  if (rest != nullptr) *rest = text.substr(end + close.size());
  return text.substr(content, end - content);
}

std::optional<std::string> xmlText(std::string_view text, std::string_view name) {
  const auto element = xmlElement(text, name);
  if (!element) return std::nullopt;
  std::string out(*element);
  out = replaceAll(std::move(out), "&lt;", "<");
  out = replaceAll(std::move(out), "&gt;", ">");
  out = replaceAll(std::move(out), "&quot;", "\"");
  out = replaceAll(std::move(out), "&apos;", "'");
  // Last: what it makes is not an entity.
  return replaceAll(std::move(out), "&amp;", "&");
}

}  // namespace efs::aws
