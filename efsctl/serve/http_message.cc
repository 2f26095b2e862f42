#include "serve/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "efs/base/text.h"

namespace efs::efsctl {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

const char* reasonOf(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hexDigit(text[i + 1]) >= 0 &&
                        hexDigit(text[i + 2]) >= 0;
    if (!escape) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]));
    i += 2;
  }
  return out;
}

std::optional<std::int64_t> numberBehind(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = head.substr(at + name.size());
  return parseInt(rest.substr(0, rest.find('\r')));
}

std::map<std::string, std::string> parseQuery(std::string_view text) {
  std::map<std::string, std::string> query;
  for (const auto& part : split(text, '&')) {
    const auto equals = std::min(part.find('='), part.size());
    if (equals == 0) continue;
    const auto value = equals < part.size() ? part.substr(equals + 1) : std::string();
    query[std::string(part.substr(0, equals))] = percentDecoded(value);
  }
  return query;
}

}  // namespace

bool requestComplete(std::string_view bytes) { return bytes.find(kEnd) != std::string_view::npos; }

std::optional<HttpRequest> parseRequest(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return std::nullopt;
  if (!line.substr(last + 1).starts_with("HTTP/1.")) return std::nullopt;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.empty() || target.front() != '/') return std::nullopt;
  const auto question = std::min(target.find('?'), target.size());
  HttpRequest request;
  request.method = line.substr(0, first);
  request.path = target.substr(0, question);
  if (question < target.size()) request.query = parseQuery(target.substr(question + 1));
  return request;
}

std::string percentEncoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '/';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string answerHead(const HttpAnswer& answer, std::size_t body_size) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nEfs-Exit: {}\r\n"
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
      answer.code, reasonOf(answer.code), answer.type, body_size, answer.exit_code);
}

// The end of the connection is no end of an answer: a server that dies says the same.
std::optional<HttpAnswer> parseAnswer(std::string_view bytes) {
  const auto end = bytes.find(kEnd);
  if (end == std::string_view::npos || !bytes.starts_with("HTTP/1.1 ")) return std::nullopt;
  const std::string_view head = bytes.substr(0, end);
  const auto code = parseInt(head.substr(9, 3));
  const auto exit_code = numberBehind(head, "\r\nEfs-Exit: ");
  const auto length = numberBehind(head, "\r\nContent-Length: ");
  const std::string_view body = bytes.substr(end + kEnd.size());
  if (!code || !exit_code || length != static_cast<std::int64_t>(body.size())) return std::nullopt;
  HttpAnswer answer;
  answer.code = static_cast<int>(*code);
  answer.exit_code = static_cast<int>(*exit_code);
  answer.body = body;
  return answer;
}

}  // namespace efs::efsctl
