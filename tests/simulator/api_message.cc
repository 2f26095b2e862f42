#include "api_message.h"

#include "efs/base/text.h"

namespace efs::simulator {
namespace {

int hexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string ApiRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::optional<ApiRequest> parseApiHead(std::string_view head) {
  const auto lines = split(head, '\n');
  const auto words = split(trim(lines[0]), ' ');
  if (words.size() != 3 || words[2] != "HTTP/1.1" || words[1].empty() || words[1][0] != '/') {
    return std::nullopt;
  }
  ApiRequest request;
  request.method = words[0];
  const auto mark = words[1].find('?');
  request.path = words[1].substr(0, mark);
  if (mark != std::string::npos) request.query = words[1].substr(mark + 1);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    if (colon == std::string::npos) return std::nullopt;
    request.headers[toLower(lines[i].substr(0, colon))] = trim(lines[i].substr(colon + 1));
  }
  return request;
}

std::string percentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hexValue(text[i + 1]) >= 0 &&
                        hexValue(text[i + 2]) >= 0;
    if (!escape) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(hexValue(text[i + 1]) * 16 + hexValue(text[i + 2]));
    i += 2;
  }
  return out;
}

std::optional<std::string> formValue(std::string_view form, std::string_view name) {
  for (const auto& pair : split(form, '&')) {
    const auto equals = pair.find('=');
    if (percentDecode(pair.substr(0, equals)) != name) continue;
    return equals == std::string::npos ? std::string() : percentDecode(pair.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace efs::simulator
