#include "efs/tls/ocsp_exchange.h"

#include <algorithm>

#include "efs/base/text.h"

namespace efs::tls {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kMaxUrl = 2048;
constexpr std::size_t kMaxHeader = std::size_t{16} << 10U;
// One certificate's answer with the responder's own certificates is a few KiB.
constexpr std::size_t kMaxBody = std::size_t{100} << 10U;

// Text that goes into our request as it is.
bool isPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// "host", "host:port", "[v6]", "[v6]:port", each with "user@" before it (RFC 3986 section 3.2).
bool parseAuthority(std::string_view authority, OcspResponder& responder) {
  if (const auto at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  std::size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    const auto bracket = authority.find(']');
    if (bracket == std::string_view::npos) return false;
    responder.host = authority.substr(1, bracket - 1);
    host_end = bracket + 1;
  } else {
    responder.host = authority.substr(0, host_end);
  }
  if (responder.host.empty()) return false;
  if (host_end >= authority.size()) return true;
  if (authority[host_end] != ':') return false;
  const auto digits = authority.substr(host_end + 1);
  if (digits.empty()) return true;
  const auto port = parseInt(digits);
  if (!port || *port < 1 || *port > 65535) return false;
  responder.port = static_cast<std::uint16_t>(*port);
  return true;
}

// RFC 9110 section 7.2: the port where it is not the usual one.
std::string hostField(const OcspResponder& responder) {
  const bool ipv6 = responder.host.find(':') != std::string::npos;
  std::string field = ipv6 ? "[" + responder.host + "]" : responder.host;
  if (responder.port != 80) field += ":" + std::to_string(responder.port);
  return field;
}

// "HTTP/1.1 200 OK"
Status checkStatus(std::string_view line) {
  const auto code = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' '
                        ? parseInt(line.substr(9, 3))
                        : std::nullopt;
  if (!code || (line.size() > 12 && line[12] != ' '))
    return Error(ErrorKind::kProtocol, "the reply is not HTTP: \"" + printable(line, 40) + "\"");
  if (*code == 200) return {};
  // What may pass by itself (RFC 9110 section 15.6), as if nobody had answered.
  return Error(*code >= 500 ? ErrorKind::kUnreachable : ErrorKind::kProtocol,
               "the responder says " + printable(line.substr(9), 60));
}

// The end of the header with the empty line behind it, when it lies behind `from`; lines end with
// CR LF or LF (RFC 9112 section 2.2).
std::optional<std::size_t> headerEnd(std::string_view reply, std::size_t from) {
  for (auto end = reply.find('\n', from); end != std::string_view::npos;
       end = reply.find('\n', end + 1)) {
    const auto rest = reply.substr(end + 1, 2);
    if (rest.starts_with('\n')) return end + 2;
    if (rest == "\r\n") return end + 3;
  }
  return std::nullopt;
}

Result<std::optional<std::size_t>> contentLength(std::string_view header) {
  std::optional<std::size_t> length;
  for (const auto& line : split(header, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = toLower(line.substr(0, colon));
    if (name == "transfer-encoding")
      return Error(ErrorKind::kProtocol, "the reply comes in chunks, which HTTP/1.0 does not have");
    if (name != "content-length") continue;
    const auto value = parseInt(trim(std::string_view(line).substr(colon + 1)));
    // Two lengths that differ are how answers are smuggled past a proxy.
    if (!value || *value < 0 || (length && *length != static_cast<std::size_t>(*value)))
      return Error(ErrorKind::kProtocol, "the reply has no valid length");
    length = static_cast<std::size_t>(*value);
  }
  return length;
}

Error tooLarge() { return {ErrorKind::kProtocol, "the reply is too large"}; }

}  // namespace

std::optional<OcspResponder> parseOcspResponder(std::string_view url) {
  if (url.size() > kMaxUrl || !isPlain(url)) return std::nullopt;
  if (toLower(url.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  std::string_view rest = url.substr(kScheme.size());
  rest = rest.substr(0, rest.find('#'));
  const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
  OcspResponder responder;
  if (!parseAuthority(rest.substr(0, authority_end), responder)) return std::nullopt;
  responder.target = rest.substr(authority_end);
  if (!responder.target.starts_with('/')) responder.target.insert(0, "/");
  responder.url = url;
  return responder;
}

// HTTP/1.0, so that the reply ends with the connection or its length, and never comes in chunks.
OcspExchange::OcspExchange(const OcspResponder& responder, std::string_view request) {
  request_ = "POST " + responder.target + " HTTP/1.0\r\nHost: " + hostField(responder) +
             "\r\nContent-Type: application/ocsp-request\r\nContent-Length: " +
             std::to_string(request.size()) + "\r\n\r\n";
  request_ += request;
}

Result<std::optional<std::string>> OcspExchange::take(std::string_view bytes, bool ended) {
  // By subtraction: a sum could overflow.
  if (bytes.size() > kMaxHeader + kMaxBody - reply_.size()) return tooLarge();
  reply_ += bytes;
  if (!body_start_) EFS_CHECK(takeHeader(ended));
  if (!body_start_) return std::optional<std::string>();
  const std::size_t have = reply_.size() - *body_start_;
  if (body_length_ ? have >= *body_length_ : ended)
    return std::optional(reply_.substr(*body_start_, body_length_.value_or(have)));
  if (have > kMaxBody) return tooLarge();
  if (ended) return Error(ErrorKind::kReset, "the reply ended too early");
  return std::optional<std::string>();
}

Status OcspExchange::takeHeader(bool ended) {
  const auto end = headerEnd(reply_, searched_);
  // Not from the beginning each time: a reply that comes byte by byte must not cost its square.
  // "\n\r" may go on with "\n".
  searched_ = std::max<std::size_t>(reply_.size(), 2) - 2;
  if (!end || *end > kMaxHeader) {
    if (end || reply_.size() > kMaxHeader) return tooLarge();
    if (ended) return Error(ErrorKind::kReset, "the connection ended without a reply");
    return {};
  }
  const auto header = std::string_view(reply_).substr(0, *end);
  EFS_CHECK(checkStatus(trim(header.substr(0, header.find('\n')))));
  EFS_TRY(length, contentLength(header));
  if (length.value_or(0) > kMaxBody) return tooLarge();
  body_length_ = length;
  body_start_ = *end;
  return {};
}

}  // namespace efs::tls
