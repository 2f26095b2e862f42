// The lines of a configuration file in the grammar that both INI readers share
// (efs/base/ini_scanner.h), joined to values; what ConfigParser refuses is refused. Private to the
// library.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "efs/base/ini_scanner.h"
#include "efs/base/result.h"

namespace efs::settings {

struct IniLine {
  std::size_t number = 0;  // of the physical line, from 1
  bool is_section = false;
  std::string name;   // section as written, or key in lower case
  std::string value;  // of a key, continuation lines joined by LF
};

// Reads the text as configparser.RawConfigParser._read() of Python 3.11 does.
class IniLines {
 public:
  // `name` stands for the file in messages.
  static Result<std::vector<IniLine>> read(std::string_view text, const std::string& name);

 private:
  explicit IniLines(const std::string& name) : name_(name) {}
  Status add(const IniToken& token);
  Status addSection(std::string_view header);
  Status addKey(const IniToken& token);
  Error invalid(const std::string& what) const;

  const std::string& name_;
  std::vector<IniLine> lines_;
  std::set<std::pair<std::string, std::string>> seen_;  // section, key; key empty = the section
  std::string section_;
  std::size_t number_ = 0;
};

}  // namespace efs::settings
