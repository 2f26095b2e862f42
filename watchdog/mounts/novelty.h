// Novelty: lets a message through when it differs from the last one of its topic.
#pragma once

#include <map>
#include <string>

namespace efs::watchdog {

class Novelty {
 public:
  bool isNew(const std::string& topic, const std::string& text) {
    std::string& last = last_[topic];
    if (last == text) return false;
    last = text;
    return true;
  }
  void clear(const std::string& topic) { last_.erase(topic); }
  // The last message of the topic; empty after clear().
  std::string text(const std::string& topic) const {
    const auto found = last_.find(topic);
    return found == last_.end() ? std::string() : found->second;
  }

 private:
  std::map<std::string, std::string> last_;
};

}  // namespace efs::watchdog
