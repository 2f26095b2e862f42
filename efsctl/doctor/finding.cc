#include "doctor/finding.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace efs::efsctl {
namespace {

using WireJson = nlohmann::json;

constexpr std::array<std::string_view, 4> kVerdicts = {"pass", "skip", "warn", "fail"};
constexpr std::array<std::string_view, 4> kKinds = {"begins", "finding", "process", "end"};

template <std::size_t kCount>
std::optional<std::size_t> indexOf(const std::array<std::string_view, kCount>& names,
                                   const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

std::string textOf(const WireJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int numberOf(const WireJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int>() : 0;
}

}  // namespace

std::string_view verdictName(Verdict verdict) {
  return kVerdicts.at(static_cast<std::size_t>(verdict));
}

Verdict worstOf(const std::vector<Finding>& findings) {
  Verdict worst = Verdict::kPass;
  for (const auto& finding : findings) {
    if (finding.verdict != Verdict::kSkip) worst = std::max(worst, finding.verdict);
  }
  return worst;
}

const Finding* causeOf(const std::vector<Finding>& findings) {
  const auto failed = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.verdict == Verdict::kFail;
  });
  return failed == findings.end() ? nullptr : &*failed;
}

std::string CheckWord::encode() const {
  const WireJson object = {{"kind", kKinds.at(static_cast<std::size_t>(kind))},
                           {"step", finding.step},
                           {"verdict", verdictName(finding.verdict)},
                           {"seen", finding.seen},
                           {"todo", finding.todo},
                           {"at", finding.at.count()},
                           {"target", finding.target},
                           {"pid", pid},
                           {"work", work}};
  return object.dump(-1, ' ', false, WireJson::error_handler_t::replace) + "\n";
}

std::optional<CheckWord> CheckWord::decode(std::string_view line) {
  const WireJson object = WireJson::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const auto kind = indexOf(kKinds, textOf(object, "kind"));
  const auto verdict = indexOf(kVerdicts, textOf(object, "verdict"));
  if (!kind || !verdict) return std::nullopt;
  CheckWord word;
  word.kind = static_cast<Kind>(*kind);
  word.finding = {textOf(object, "step"),           static_cast<Verdict>(*verdict),
                  textOf(object, "seen"),           textOf(object, "todo"),
                  Duration(numberOf(object, "at")), textOf(object, "target")};
  word.pid = numberOf(object, "pid");
  word.work = object.value("work", WireJson()) == WireJson(true);
  return word;
}

}  // namespace efs::efsctl
