#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "efs/base/text.h"
#include "efs/efsctl/explain.h"

namespace efs::efsctl {
namespace {

using Json = nlohmann::ordered_json;

std::string timesOf(const WatchdogStep& step) {
  std::vector<std::string> times;
  for (const Duration at : step.at) times.push_back(std::to_string(at.count() / 1000));
  return join(times, ", ") + (step.again ? " ... s" : " s");
}

std::string tableOf(const ExplainSection& section) {
  std::size_t name = 0;
  std::size_t value = 0;
  for (const auto& row : section.rows) {
    name = std::max(name, row.name.size());
    value = std::max(value, std::min<std::size_t>(row.value.size(), 44));
  }
  std::string text = section.title + "\n";
  for (const auto& row : section.rows) {
    text += fmt::format("  {:<{}}  {:<{}}  ({})\n", row.name, name, row.value, value, row.from);
  }
  return text;
}

std::string textOf(const WatchdogStory& story) {
  std::string text = "  " + story.state + "\n";
  if (story.steps.empty()) text += "    nothing is done\n";
  for (const auto& step : story.steps) {
    text += fmt::format("    {:<18}{}: {}\n", timesOf(step), step.what, step.why);
  }
  return text;
}

}  // namespace

std::string explainText(const Explanation& explanation) {
  std::string text;
  for (const auto& section : explanation.sections) text += tableOf(section) + "\n";
  if (explanation.missing) {
    text += "No plan: " + explanation.missing->describe() + "\n\n";
  }
  if (explanation.watchdog.empty()) return text + "The watchdog does not look after such a mount\n";
  text += "What the watchdog would do (seconds after it began)\n";
  for (const auto& story : explanation.watchdog) text += textOf(story);
  return text;
}

std::string explainJson(const Explanation& explanation) {
  Json sections = Json::array();
  for (const auto& section : explanation.sections) {
    Json rows = Json::array();
    for (const auto& row : section.rows) {
      rows.push_back({{"name", trim(row.name)}, {"value", row.value}, {"from", row.from}});
    }
    sections.push_back({{"title", section.title}, {"rows", rows}});
  }
  Json stories = Json::array();
  for (const auto& story : explanation.watchdog) {
    Json steps = Json::array();
    for (const auto& step : story.steps) {
      Json at = Json::array();
      for (const Duration time : step.at) at.push_back(time.count() / 1000);
      steps.push_back(
          {{"at_sec", at}, {"again", step.again}, {"what", step.what}, {"why", step.why}});
    }
    stories.push_back({{"state", story.state}, {"steps", steps}});
  }
  const Json document = {
      {"version", 1},
      {"sections", sections},
      {"missing", explanation.missing ? Json(explanation.missing->describe()) : Json()},
      {"watchdog", stories}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace efs::efsctl
