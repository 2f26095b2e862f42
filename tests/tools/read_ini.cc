// read-ini: what our two readers of INI files make of a text, for the comparison with Python's
// ConfigParser. On each line of standard input {"reader": "settings" or "profiles", "text": "...",
// "ask": [[section, key], ...]}; on each line of output {"sections": [...], "values": [value or
// null or {"error": ...}]}, and "error" (settings) or "problems" (profiles) where it is refused.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "efs/aws/profile_file.h"
#include "efs/settings/ini_file.h"

namespace {

using Json = nlohmann::json;

Json settingsOf(const Json& input) {
  const auto file = efs::settings::IniFile::parse(input.at("text").get<std::string>(), "text");
  if (!file) return {{"error", file.error().describe()}};
  Json values = Json::array();
  for (const auto& pair : input.at("ask")) {
    const auto value = file->find(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
    if (!value) {
      values.push_back({{"error", value.error().describe()}});
    } else {
      values.push_back(*value ? Json(**value) : Json());
    }
  }
  return {{"sections", file->sections()}, {"values", values}};
}

Json profilesOf(const Json& input) {
  const auto file = efs::aws::ProfileFile::parse(input.at("text").get<std::string>(), "text");
  Json values = Json::array();
  for (const auto& pair : input.at("ask")) {
    const auto* value = file.find(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
    values.push_back(value == nullptr ? Json() : Json(value->reveal()));
  }
  return {{"sections", file.sections()}, {"values", values}, {"problems", file.problems()}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json input = Json::parse(line);
    const Json output = input.at("reader") == "settings" ? settingsOf(input) : profilesOf(input);
    std::printf("%s\n", output.dump(-1, ' ', true, Json::error_handler_t::replace).c_str());
    std::fflush(stdout);
  }
  return 0;
}
