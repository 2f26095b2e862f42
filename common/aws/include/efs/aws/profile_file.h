// ~/.aws/credentials and ~/.aws/config (contract CRED-3, CRED-9), in the grammar in which the AWS
// CLI reads them (efs/base/ini_scanner.h), values as written.
//
// The keys of [DEFAULT] are seen in every section. A line that is neither a header nor a key, and a
// section or a key of one section given twice, spoil that section and no other: problemOf() tells,
// whoever needs the section must not go on. Messages name file and line and never show a line's
// content: it may be a secret.
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
  // An absent file is kNotFound. What is no regular file is never waited for: kInvalidInput.
  static Result<ProfileFile> load(const std::string& path);
  // `name` stands for the file in messages.
  static ProfileFile parse(std::string_view text, const std::string& name);

  // In the order of the file, without [DEFAULT].
  const std::vector<std::string>& sections() const { return order_; }
  // [DEFAULT] is none: its keys are everybody's.
  bool hasSection(const std::string& section) const {
    return section != "DEFAULT" && sections_.count(section) != 0;
  }
  // `key` in lower case. Null when absent; the file owns the value.
  const Secret* find(const std::string& section, const std::string& key) const;

  // The first mistake in `section` or in [DEFAULT]; null when there is none. Keys of credentials
  // before the first header count as a mistake of [default]: that is where they were meant to be.
  const std::string* problemOf(const std::string& section) const;
  // All mistakes, for warnings.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  friend class ProfileParser;
  std::map<std::string, std::map<std::string, Secret>> sections_;
  std::vector<std::string> order_;
  std::map<std::string, std::string> spoilt_;  // section -> its first mistake
  std::vector<std::string> problems_;
};

}  // namespace efs::aws
