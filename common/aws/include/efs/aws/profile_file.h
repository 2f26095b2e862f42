// ~/.aws/credentials and ~/.aws/config (contract CRED-3, CRED-9), in the grammar in which the AWS
// CLI reads them.
//
// `[name]` begins a section, its name is taken exactly as written; `key = value` or `key: value`,
// keys in any case; `#` and `;` start a comment only as the first visible character of a line; a
// line indented deeper than the key above continues that key's value. A section or a key of one
// section given twice is an error. Messages name file and line and never show a line's content:
// it may be a secret.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/secret.h"

namespace efs::aws {

class ProfileFile {
 public:
  // kNotFound when the file is absent.
  static Result<ProfileFile> load(const std::string& path);
  // `name` stands for the file in messages.
  static Result<ProfileFile> parse(std::string_view text, const std::string& name);

  std::vector<std::string> sections() const;
  bool hasSection(const std::string& section) const { return sections_.count(section) != 0; }
  // `key` in lower case. Null when absent; the file owns the value.
  const Secret* find(const std::string& section, const std::string& key) const;

 private:
  friend class ProfileParser;
  std::map<std::string, std::map<std::string, Secret>> sections_;
};

}  // namespace efs::aws
