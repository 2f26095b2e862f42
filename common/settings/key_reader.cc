#include "key_reader.h"

#include "efs/base/text.h"

namespace efs::settings {
namespace {

constexpr const char* kBuiltIn = "built-in";

}  // namespace

std::optional<std::string> KeyReader::text(const char* section, const char* key) {
  const auto origin = ini_.originOf(section, key);
  values_.push_back({section, key, "", origin ? origin->text() : kBuiltIn});
  auto value = ini_.find(section, key);
  if (value) {
    took(value->value_or(""));
    return *std::move(value);
  }
  if (!failure_) failure_ = value.error();
  return std::nullopt;
}

void KeyReader::text(const char* section, const char* key, std::string& out) {
  if (auto value = text(section, key)) out = *std::move(value);
  took(out);
}

void KeyReader::flag(const char* section, const char* key, Bad bad, bool& out) {
  const auto value = text(section, key);
  if (!value) return took(out ? "true" : "false");
  const std::string lower = toLower(*value);
  if (lower == "1" || lower == "yes" || lower == "true" || lower == "on") {
    out = true;
  } else if (lower == "0" || lower == "no" || lower == "false" || lower == "off") {
    out = false;
  } else {
    reject(section, key, bad, *value, "true or false");
    tookDefault(out ? "true" : "false");
  }
}

void KeyReader::number(const char* section, const char* key, Bad bad, std::int64_t low,
                       std::int64_t high, std::int64_t& out) {
  const auto value = text(section, key);
  if (!value) return took(std::to_string(out));
  const auto parsed = parseInt(*value);
  if (parsed && *parsed >= low && *parsed <= high) {
    out = *parsed;
    return;
  }
  reject(section, key, bad, *value,
         "a number from " + std::to_string(low) + " to " + std::to_string(high));
  tookDefault(std::to_string(out));
}

void KeyReader::choice(const char* section, const char* key, Bad bad, const std::string& first,
                       const std::string& second, bool& is_second) {
  const auto value = text(section, key);
  if (!value || value->empty()) return took(is_second ? second : first);
  if (*value == first || *value == second) {
    is_second = *value == second;
  } else {
    reject(section, key, bad, *value, "\"" + first + "\" or \"" + second + "\"");
    tookDefault(is_second ? second : first);
  }
}

void KeyReader::tookDefault(const std::string& value) {
  took(value);
  values_.back().origin = kBuiltIn;
}

void KeyReader::reject(const char* section, const char* key, Bad bad, const std::string& value,
                       const std::string& expected) {
  const auto origin = ini_.originOf(section, key);
  const std::string what = (origin ? origin->name : ini_.name()) + ": [" + section + "] " + key +
                           " = \"" + printable(value, 100) + "\" is not " + expected;
  if (bad == Bad::kDefault) {
    warn(what + ", using the default");
  } else if (!failure_) {
    failure_ = Error(ErrorKind::kInvalidInput, what);
  }
}

}  // namespace efs::settings
