#include "efs/aws/profile_file.h"

#include <algorithm>
#include <array>

#include "efs/base/ini_scanner.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"

namespace efs::aws {
namespace {

constexpr const char* kDefaults = "DEFAULT";
// Far longer than any file of profiles.
constexpr std::size_t kMaxFile = std::size_t{8} << 20U;
// What reads like credentials where no section has begun.
constexpr std::array<std::string_view, 4> kOfCredentials{"aws_", "sso_", "role_arn",
                                                         "credential_process"};

bool isOfCredentials(std::string_view key) {
  return std::any_of(kOfCredentials.begin(), kOfCredentials.end(),
                     [&](std::string_view begin) { return iniKey(key).starts_with(begin); });
}

}  // namespace

class ProfileParser {
 public:
  explicit ProfileParser(std::string name) : name_(std::move(name)) {}
  ProfileParser(const ProfileParser&) = delete;
  ProfileParser& operator=(const ProfileParser&) = delete;
  ~ProfileParser() { wipe(text_); }

  ProfileFile parse(std::string_view text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    IniScanner scanner(text);
    while (const auto token = scanner.next()) take(*token);
    endValue();
    return std::move(file_);
  }

 private:
  void take(const IniToken& token) {
    line_ = token.line;
    if (token.kind == IniToken::Kind::kMore) return continueValue(token.value);
    endValue();
    switch (token.kind) {
      case IniToken::Kind::kSection:
        return beginSection(token.name);
      case IniToken::Kind::kKey:
        return takeKey(token);
      default:
        return spoil(section_name_, token.name.starts_with('[')
                                        ? "not a [section] header"
                                        : "neither a [section] header nor \"key = value\"");
    }
  }

  // `section` empty: of no section.
  void spoil(const std::string& section, const std::string& problem) {
    std::string text = name_ + ": line " + std::to_string(line_) + ": " + problem;
    if (!section.empty()) file_.spoilt_.try_emplace(section, text);
    file_.problems_.push_back(std::move(text));
  }

  void beginSection(std::string_view name) {
    section_name_ = name;
    const auto [place, is_new] = file_.sections_.try_emplace(section_name_);
    section_ = &place->second;
    if (section_name_ == kDefaults) return;  // may be opened again
    if (is_new) {
      file_.order_.push_back(section_name_);
    } else {
      spoil(section_name_, "section [" + printable(section_name_, 80) + "] appears twice");
    }
  }

  void takeKey(const IniToken& token) {
    if (section_ == nullptr) {
      return spoil(isOfCredentials(token.name) ? "default" : "",
                   "text before the first [section] header");
    }
    const auto [place, is_new] = section_->try_emplace(iniKey(token.name));
    if (!is_new) return spoil(section_name_, "the key appears twice in its section");
    text_ = token.value;
    value_ = &place->second;
    checkBytes(token.value);
  }

  void checkBytes(std::string_view value) {
    if (value.find('\0') != std::string_view::npos) spoil(section_name_, "contains a NUL byte");
  }

  // Doubling by hand: a string that grows by itself leaves copies of a secret behind.
  void continueValue(std::string_view more) {
    if (value_ == nullptr) return;  // of a key given twice
    const std::size_t size = text_.size() + 1 + more.size();
    if (size > text_.capacity()) {
      std::string larger;
      larger.reserve(2 * size);
      larger = text_;
      wipe(text_);
      text_ = std::move(larger);
    }
    text_ += '\n';
    text_ += more;
    checkBytes(more);
  }

  void endValue() {
    if (value_ != nullptr) {
      text_.resize(stripIniEnd(text_).size());
      *value_ = Secret(std::move(text_));
    }
    value_ = nullptr;
    text_.clear();
  }

  std::string name_;
  ProfileFile file_;
  std::size_t line_ = 0;
  std::string section_name_;
  std::map<std::string, Secret>* section_ = nullptr;
  Secret* value_ = nullptr;  // what an indented line would continue
  std::string text_;         // of that value, so far
};

ProfileFile ProfileFile::parse(std::string_view text, const std::string& name) {
  return ProfileParser(name).parse(text);
}

Result<ProfileFile> ProfileFile::load(const std::string& path) {
  EFS_TRY(text, readUsersFile(path, kMaxFile));
  auto file = parse(text, path);
  wipe(text);
  return file;
}

const Secret* ProfileFile::find(const std::string& section, const std::string& key) const {
  if (!hasSection(section)) return nullptr;
  for (const std::string& name : {section, std::string(kDefaults)}) {
    const auto in_section = sections_.find(name);
    if (in_section == sections_.end()) continue;
    const auto found = in_section->second.find(key);
    if (found != in_section->second.end()) return &found->second;
  }
  return nullptr;
}

const std::string* ProfileFile::problemOf(const std::string& section) const {
  for (const std::string& name : {section, std::string(kDefaults)}) {
    const auto found = spoilt_.find(name);
    if (found != spoilt_.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace efs::aws
