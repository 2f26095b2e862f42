// IniFile: a configuration file as Python's ConfigParser reads it (contract 11.1), through inih.
//
// `=` or `:` separates key and value; keys are case-insensitive, section names are not; `#` and `;`
// start a comment only as the first visible character of a line; an indented line continues the
// value above; [DEFAULT] values are seen in every section; a repeated key or section is an error;
// `%(name)s` is interpolation, `%%` a percent sign, a lone `%` an error (when the value is asked
// for). A file ends at 1 MiB; nothing else is stricter than ConfigParser.
//
// inih stays because it is this project's INI library; it groups keys into sections, and its limits
// on lines and names are not ours (ini_file.cc). The grammar is efs/base/ini_scanner.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"

namespace efs::settings {

class IniFile {
 public:
  // An absent file is an empty configuration (contract 11.1); any other failure is an error naming
  // path, line and cause.
  static Result<IniFile> load(const std::string& path);
  // `name` stands for the file in messages.
  static Result<IniFile> parse(std::string_view text, const std::string& name);

  // Where a value stands.
  struct Origin {
    std::string name;      // of the file, or what set() was told
    std::size_t line = 0;  // from 1; 0: it has none
    std::string text() const { return line == 0 ? name : name + ":" + std::to_string(line); }
  };
  struct Key {
    std::string section;
    std::string key;  // in lower case
    Origin origin;
  };

  // Lays `over` on this file, as ConfigParser.read() does with the second of two files: its keys
  // replace those of the same section, all else stays.
  void lay(const IniFile& over);
  // The same with one value, which is taken as it is: '%' inserts nothing.
  void set(const std::string& section, std::string_view key, std::string_view value,
           const std::string& origin);

  bool hasSection(const std::string& section) const;
  std::vector<std::string> sections() const;  // without DEFAULT, in file order
  // Value in the section, else in [DEFAULT], also when there is no such section; interpolated.
  // nullopt when in neither. Errors name file, section and key.
  Result<std::optional<std::string>> find(const std::string& section, std::string_view key) const;
  const std::string& name() const { return name_; }
  // Of the value that find() gives; nullopt where it gives none.
  std::optional<Origin> originOf(const std::string& section, std::string_view key) const;
  // All keys, also those of [DEFAULT], by section.
  std::vector<Key> keys() const;

 private:
  struct Value {
    std::string text;  // not interpolated
    Origin origin;
  };
  using Section = std::map<std::string, Value>;  // keys in lower case
  // Null when neither the section nor [DEFAULT] has it.
  const Value* rawValue(const std::string& section, const std::string& key) const;
  std::string name_;
  std::vector<std::string> order_;
  std::map<std::string, Section> sections_;
};

}  // namespace efs::settings
