#include "efs/tunnel_control/tunnel_config.h"

#include <cstdint>
#include <map>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"

namespace efs::tunnel_control {
namespace {

// ---- writing

class LineWriter {
 public:
  void section(std::string_view name) { add("[" + std::string(name) + "]"); }
  void key(std::string_view name, std::string_view value) {
    add(std::string(name) + " = " + std::string(value));
  }
  void key(std::string_view name, std::int64_t value) { key(name, std::to_string(value)); }
  void keyUnlessEmpty(std::string_view name, std::string_view value) {
    if (!value.empty()) key(name, value);
  }
  std::string text() && { return std::move(text_); }

 private:
  void add(std::string line) {
    for (char& c : line) {
      if (isControl(c)) c = '?';
    }
    // No newline at the end (contract 15): between lines only.
    if (!text_.empty()) text_ += '\n';
    text_ += line;
  }
  std::string text_;
};

void writeTlsKeys(LineWriter& out, const TunnelConfig& config) {
  out.key("verify", config.verify);
  if (config.verify > 0) out.keyUnlessEmpty("CAfile", config.ca_file);
  out.keyUnlessEmpty("cert", config.certificate);
  out.keyUnlessEmpty("key", config.private_key);
  out.keyUnlessEmpty("checkHost", config.check_host);
  if (config.ocsp) out.key("OCSPaia", "yes");
  out.keyUnlessEmpty("ciphers", config.ciphers);
}

void writeProxyKeys(LineWriter& out, const TunnelConfig& config) {
  out.key("retry_nfs_mount_command_timeout_sec", config.mount_retry_timeout.count() / 1000);
  if (config.proxy_logging_level) {
    out.key("proxy_logging_level", *config.proxy_logging_level);
    out.key("proxy_logging_max_bytes", static_cast<std::int64_t>(config.log_max_bytes));
    out.key("proxy_logging_file_count", config.log_file_count);
  }
  out.keyUnlessEmpty("fs_id", config.fs_id);
  out.keyUnlessEmpty("region", config.region);
  out.keyUnlessEmpty("efs_utils_version", config.version);
  if (config.log_writer == log::Writer::kOwn) out.key("log_writer", "own");
  if (config.max_connections != 1) out.key("max_connections", config.max_connections);
  if (config.confine) out.key("confine", "on");
  std::vector<std::string> uids;
  for (const uid_t uid : config.allow_uids) uids.push_back(std::to_string(uid));
  out.keyUnlessEmpty("allow_local_uids", config.allow_any_uid ? "any" : join(uids, ","));
}

// ---- reading

struct Value {
  std::string text;
  std::size_t line = 0;
};
// "section.key" in lower case; the global part has an empty section.
using Values = std::map<std::string, Value>;

Error invalid(const std::string& name, const std::string& what) {
  return {ErrorKind::kInvalidInput, name + ": " + what};
}
Error invalidAt(const std::string& name, std::size_t line, const std::string& what) {
  return invalid(name, "line " + std::to_string(line) + ": " + what);
}

// What may stand several times: `socket` always does.
bool mayRepeat(std::string_view key) { return key.substr(key.rfind('.') + 1) == "socket"; }

Status readLine(std::string_view line, std::size_t number, const std::string& name,
                std::string& section, Values& values) {
  if (line.empty() || line.front() == ';' || line.front() == '#') return {};
  for (const char c : line) {
    if (isControl(c) && c != '\t') return invalidAt(name, number, "control character");
  }
  if (line.front() == '[') {
    if (line.back() != ']') return invalidAt(name, number, "section without \"]\"");
    section = toLower(trim(line.substr(1, line.size() - 2)));
    return {};
  }
  const auto equals = line.find('=');
  const auto key = trim(line.substr(0, equals));
  if (equals == std::string_view::npos || key.empty()) {
    return invalidAt(name, number, "expected \"key = value\"");
  }
  const std::string full = section + "." + toLower(key);
  const bool added =
      values.emplace(full, Value{std::string(trim(line.substr(equals + 1))), number}).second;
  if (!added && !mayRepeat(full)) {
    return invalidAt(name, number, "key \"" + printable(key) + "\" appears twice");
  }
  return {};
}

Result<Values> readLines(std::string_view text, const std::string& name) {
  if (text.size() > kMaxFileSize) return invalid(name, "file is too long");
  Values values;
  std::string section;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    EFS_CHECK(readLine(trim(text.substr(0, end)), ++number, name, section, values));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return values;
}

// Typed access to the lines; remembers the first failure so that callers stay flat.
class SectionReader {
 public:
  SectionReader(const Values& values, const std::string& name) : values_(values), name_(name) {}

  bool has(const std::string& key) const { return values_.count(toLower(key)) != 0; }
  std::string text(const std::string& key) const {
    const auto at = values_.find(toLower(key));
    return at == values_.end() ? std::string() : at->second.text;
  }
  std::string required(const std::string& key) {
    std::string value = text(key);
    if (value.empty()) fail(key, "is missing");
    return value;
  }
  void flag(const std::string& key, bool& out) {
    const std::string value = toLower(required(key));
    if (value == "true" || value == "yes" || value == "1") {
      out = true;
    } else if (value == "false" || value == "no" || value == "0") {
      out = false;
    } else {
      fail(key, "is not yes or no");
    }
  }
  template <typename Number>
  void number(const std::string& key, std::int64_t low, std::int64_t high, Number& out) {
    if (!has(key)) return;
    const auto value = parseInt(text(key));
    if (!value || *value < low || *value > high) {
      return fail(key,
                  "is not a number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    out = static_cast<Number>(*value);
  }
  void uids(const std::string& key, bool& any, std::vector<uid_t>& out) {
    const std::string value = text(key);
    any = toLower(value) == "any";
    if (any || value.empty()) return;
    for (const auto& part : split(value, ',')) {
      // The highest uid means "none" to the kernel.
      const auto uid = parseInt(trim(part));
      if (!uid || *uid < 0 || *uid >= std::int64_t{UINT32_MAX}) {
        return fail(key, "is not \"any\" or uids with commas");
      }
      out.push_back(static_cast<uid_t>(*uid));
    }
  }
  // The last colon splits, because an IPv6 address stands there without brackets.
  void hostAndPort(const std::string& key, std::string& host, int& port) {
    const std::string value = required(key);
    const auto colon = value.rfind(':');
    const auto number = colon == std::string::npos
                            ? std::optional<std::int64_t>()
                            : parseInt(std::string_view(value).substr(colon + 1));
    if (!number || *number < 1 || *number > 65535) return fail(key, "is not <host>:<port>");
    host = value.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    }
    if (host.empty() || host.find_first_of(" \t[]") != std::string::npos) {
      return fail(key, "is not <host>:<port>");
    }
    port = static_cast<int>(*number);
  }
  void fail(const std::string& key, const std::string& what) {
    if (failure_) return;
    const auto at = values_.find(toLower(key));
    const std::string shown = "key \"" + (key.front() == '.' ? key.substr(1) : key) + "\" " + what;
    failure_ =
        at == values_.end() ? invalid(name_, shown) : invalidAt(name_, at->second.line, shown);
  }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  const Values& values_;
  const std::string& name_;
  std::optional<Error> failure_;
};

void readGlobalKeys(SectionReader& keys, TunnelConfig& config) {
  keys.flag(".fips", config.fips);
  config.pid_file = keys.required(".pid");
  config.log_file = keys.text(".output");
  // stunnel also knows syslog numbers; 7 is its "debug".
  const std::string level = toLower(keys.text(".debug"));
  config.debug = level == "debug" || level == "trace" || level == "7";
}

void readServiceKeys(SectionReader& keys, TunnelConfig& config) {
  constexpr std::int64_t kYear = 366LL * 24 * 3600;
  keys.hostAndPort("efs.connect", config.connect_host, config.connect_port);
  std::string accept_host;
  keys.hostAndPort("efs.accept", accept_host, config.accept_port);
  // A tunnel that listens elsewhere would offer the mount's identity to the network (TUN-6).
  if (accept_host != "127.0.0.1") keys.fail("efs.accept", "is not 127.0.0.1:<port>");
  keys.number("efs.verify", 0, 4, config.verify);  // stunnel's levels
  config.ca_file = keys.text("efs.CAfile");
  config.certificate = keys.text("efs.cert");
  config.private_key = keys.text("efs.key");
  config.check_host = keys.text("efs.checkHost");
  config.ciphers = keys.text("efs.ciphers");
  if (keys.has("efs.OCSPaia")) keys.flag("efs.OCSPaia", config.ocsp);
  std::int64_t seconds = config.mount_retry_timeout.count() / 1000;
  keys.number("efs.retry_nfs_mount_command_timeout_sec", 0, kYear, seconds);
  config.mount_retry_timeout = std::chrono::seconds(seconds);
  if (keys.has("efs.proxy_logging_level")) {
    config.proxy_logging_level = keys.text("efs.proxy_logging_level");
  }
  keys.number("efs.proxy_logging_max_bytes", 0, INT64_MAX, config.log_max_bytes);
  keys.number("efs.proxy_logging_file_count", 0, 10000, config.log_file_count);
  config.fs_id = keys.text("efs.fs_id");
  config.region = keys.text("efs.region");
  config.version = keys.text("efs.efs_utils_version");
  keys.number("efs.max_connections", 1, 16, config.max_connections);
  keys.uids("efs.allow_local_uids", config.allow_any_uid, config.allow_uids);
  config.confine = keys.text("efs.confine") == "on";
  if (keys.text("efs.log_writer") == "own") config.log_writer = log::Writer::kOwn;
}

}  // namespace

std::string TunnelConfig::serialize(bool tls) const {
  LineWriter out;
  out.key("fips", fips ? "yes" : "no");
  out.key("foreground", "yes");
  out.key("socket", "l:SO_REUSEADDR=yes");
  out.key("socket", "a:SO_BINDTODEVICE=lo");
  if (debug) out.key("debug", "debug");
  out.keyUnlessEmpty("output", log_file);
  out.key("pid", pid_file);
  out.section("efs");
  out.key("client", "yes");
  out.key("accept", "127.0.0.1:" + std::to_string(accept_port));
  out.key("connect", connect_host + ":" + std::to_string(connect_port));
  out.key("sslVersion", "TLSv1.2");
  out.key("renegotiation", "no");
  out.key("TIMEOUTbusy", "20");
  out.key("TIMEOUTclose", "0");
  out.key("TIMEOUTidle", "70");
  out.key("delay", "yes");
  if (tls) writeTlsKeys(out, *this);
  writeProxyKeys(out, *this);
  return std::move(out).text();
}

Result<TunnelConfig> TunnelConfig::parse(std::string_view text, const std::string& name) {
  EFS_TRY(values, readLines(text, name));
  SectionReader keys(values, name);
  TunnelConfig config;
  readGlobalKeys(keys, config);
  readServiceKeys(keys, config);
  if (keys.failure()) return Error(*keys.failure());
  return config;
}

Result<TunnelConfig> TunnelConfig::load(const std::string& path) {
  EFS_TRY(text, readFile(path));
  return parse(text, path);
}

std::string defaultTunnelLog(const std::string& mount_name) {
  return std::string(log::kDirectory) + "/" + mount_name + ".efs-proxy.log";
}

}  // namespace efs::tunnel_control
