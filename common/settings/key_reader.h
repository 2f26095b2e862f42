// KeyReader: typed access to an IniFile. Remembers the first error, collects warnings, and records
// which keys were asked for. Private to the library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/result.h"
#include "efs/settings/ini_file.h"
#include "efs/settings/settings.h"

namespace efs::settings {

class KeyReader {
 public:
  explicit KeyReader(const IniFile& ini) : ini_(ini) {}

  // What a bad value means.
  enum class Bad { kError, kDefault };

  std::optional<std::string> text(const char* section, const char* key);
  void text(const char* section, const char* key, std::string& out);
  // Booleans and numbers as ConfigParser.getboolean() and int() of plain decimals.
  void flag(const char* section, const char* key, Bad bad, bool& out);
  void number(const char* section, const char* key, Bad bad, std::int64_t low, std::int64_t high,
              std::int64_t& out);
  // The same for members of another integer type.
  template <typename Number>
  void number(const char* section, const char* key, Bad bad, std::int64_t low, std::int64_t high,
              Number& out) {
    auto value = static_cast<std::int64_t>(out);
    number(section, key, bad, low, high, value);
    out = static_cast<Number>(value);
  }
  // One of two words; `is_second` changes only where one of them is there. Empty counts as absent.
  void choice(const char* section, const char* key, Bad bad, const std::string& first,
              const std::string& second, bool& is_second);
  // The value that holds for the key asked for last, where that is not simply its text.
  void took(const std::string& value) { values_.back().value = value; }
  // The same, and nobody has set it.
  void tookDefault(const std::string& value);
  void warn(const std::string& warning) { warnings_.push_back(warning); }
  // The value was not usable: an error, or a warning that the default is taken.
  void reject(const char* section, const char* key, Bad bad, const std::string& value,
              const std::string& expected);

  const std::optional<Error>& failure() const { return failure_; }
  std::vector<std::string> takeWarnings() { return std::move(warnings_); }
  // What was asked for, in that order.
  const std::vector<ConfigReport::Value>& values() const { return values_; }

 private:
  const IniFile& ini_;
  std::optional<Error> failure_;
  std::vector<std::string> warnings_;
  std::vector<ConfigReport::Value> values_;
};

}  // namespace efs::settings
