// A client certificate of the simulation: whose it is, and until when.
#pragma once

#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/text.h"

namespace efs::watchdog::simulation {

struct Certificate {
  std::string identity;  // "fs|access point|principal"
  WallTime ends;

  std::string text() const {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(ends.time_since_epoch()).count();
    return "certificate\t" + identity + "\t" + std::to_string(seconds) + "\tend";
  }
  static std::optional<Certificate> parse(const std::string& text) {
    const auto words = split(text, '\t');
    if (words.size() != 4 || words[0] != "certificate" || words[3] != "end") return std::nullopt;
    const auto seconds = parseInt(words[2]);
    if (!seconds) return std::nullopt;
    return Certificate{words[1], WallTime(std::chrono::seconds(*seconds))};
  }
};

}  // namespace efs::watchdog::simulation
