#include "doctor/doctor_words.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "efs/base/text.h"

namespace efs::efsctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongest = 2000;

std::string_view colourOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "\033[32m";
    case Verdict::kSkip:
      return "\033[2m";
    case Verdict::kWarn:
      return "\033[33m";
    case Verdict::kFail:
      break;
  }
  return "\033[31m";
}

Json orNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json encode(const Finding& finding) {
  return {{"target", orNull(finding.target)},
          {"step", finding.step},
          {"verdict", verdictName(finding.verdict)},
          {"seen", finding.seen},
          {"todo", orNull(finding.todo)},
          {"at_ms", finding.at.count()}};
}

}  // namespace

std::string findingText(const Finding& finding, bool colours) {
  std::string verdict = fmt::format("{:<5}", verdictName(finding.verdict));
  if (colours) verdict = std::string(colourOf(finding.verdict)) + verdict + "\033[0m";
  const std::string whose = finding.target.empty() ? "" : printable(finding.target) + ": ";
  std::string text = fmt::format("{} {:<17}{}{}\n", verdict, finding.step, whose,
                                 printable(finding.seen, kLongest));
  if (!finding.todo.empty())
    text += fmt::format("{:23}-> {}\n", "", printable(finding.todo, kLongest));
  return text;
}

std::string verdictText(const DoctorReport& report) {
  const double seconds = static_cast<double>(report.took.count()) / 1000;
  const Finding* cause = causeOf(report.findings);
  if (cause == nullptr) {
    return fmt::format("\n{} after {:.1f} s\n",
                       worstOf(report.findings) == Verdict::kWarn
                           ? "Nothing fails; there are warnings"
                           : "All is well",
                       seconds);
  }
  return fmt::format("\nBegin with \"{}\": {} ({:.1f} s)\n", cause->step,
                     printable(cause->seen, kLongest), seconds);
}

std::string doctorJson(const DoctorReport& report) {
  Json findings = Json::array();
  for (const auto& finding : report.findings) findings.push_back(encode(finding));
  const Finding* cause = causeOf(report.findings);
  const Json document = {{"version", 1},
                         {"time", utcText(report.now, "%Y-%m-%dT%H:%M:%SZ")},
                         {"verdict", verdictName(worstOf(report.findings))},
                         {"cause", cause == nullptr ? Json() : encode(*cause)},
                         {"took_ms", report.took.count()},
                         {"findings", findings}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace efs::efsctl
