#include "efs/aws/profile_file.h"

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::aws {

class ProfileParser {
 public:
  explicit ProfileParser(std::string name) : name_(std::move(name)) {}
  ProfileParser(const ProfileParser&) = delete;
  ProfileParser& operator=(const ProfileParser&) = delete;
  ~ProfileParser() { wipe(text_); }

  Result<ProfileFile> parse(std::string_view text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      ++line_number_;
      EFS_CHECK(takeLine(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    endValue();
    return std::move(file_);
  }

 private:
  Error at(const std::string& problem) const {
    return {ErrorKind::kInvalidInput,
            name_ + ": line " + std::to_string(line_number_) + ": " + problem};
  }

  Status takeLine(std::string_view line) {
    const auto visible = trim(line);
    if (visible.empty() || visible.front() == '#' || visible.front() == ';') return {};
    if (visible.find('\0') != std::string_view::npos) return at("contains a NUL byte");
    const auto indent = line.find_first_not_of(" \t\f\v\r");
    if (value_ != nullptr && indent > value_indent_) {
      continueValue(visible);
      return {};
    }
    endValue();
    if (visible.front() == '[') return beginSection(visible);
    return takeKey(visible, indent);
  }

  Status beginSection(std::string_view visible) {
    const auto close = visible.find(']');
    if (close == std::string_view::npos || close == 1) return at("not a [section] header");
    const auto rest = trim(visible.substr(close + 1));
    if (!rest.empty() && rest.front() != '#' && rest.front() != ';') {
      return at("text after the [section] header");
    }
    const std::string section(visible.substr(1, close - 1));
    const auto [place, is_new] = file_.sections_.try_emplace(section);
    if (!is_new) return at("section [" + printable(section, 80) + "] appears twice");
    section_ = &place->second;
    return {};
  }

  Status takeKey(std::string_view visible, std::size_t indent) {
    if (section_ == nullptr) return at("text before the first [section] header");
    const auto separator = visible.find_first_of("=:");
    if (separator == std::string_view::npos || separator == 0) {
      return at("neither a [section] header nor \"key = value\"");
    }
    const auto [place, is_new] = section_->try_emplace(toLower(trim(visible.substr(0, separator))));
    if (!is_new) return at("the key appears twice in its section");
    text_ = trim(visible.substr(separator + 1));
    value_ = &place->second;
    value_indent_ = indent;
    return {};
  }

  // Doubling by hand: a string that grows by itself leaves copies of a secret behind.
  void continueValue(std::string_view more) {
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
  }

  void endValue() {
    if (value_ != nullptr) *value_ = Secret(std::move(text_));
    value_ = nullptr;
    text_.clear();
  }

  std::string name_;
  ProfileFile file_;
  std::size_t line_number_ = 0;
  std::map<std::string, Secret>* section_ = nullptr;
  Secret* value_ = nullptr;  // what an indented line would continue
  std::string text_;         // of that value, so far
  std::size_t value_indent_ = 0;
};

Result<ProfileFile> ProfileFile::parse(std::string_view text, const std::string& name) {
  return ProfileParser(name).parse(text);
}

Result<ProfileFile> ProfileFile::load(const std::string& path) {
  EFS_TRY(text, readFile(path));
  auto file = parse(text, path);
  wipe(text);
  return file;
}

std::vector<std::string> ProfileFile::sections() const {
  std::vector<std::string> names;
  names.reserve(sections_.size());
  for (const auto& section : sections_) names.push_back(section.first);
  return names;
}

const Secret* ProfileFile::find(const std::string& section, const std::string& key) const {
  const auto in_section = sections_.find(section);
  if (in_section == sections_.end()) return nullptr;
  const auto found = in_section->second.find(key);
  return found == in_section->second.end() ? nullptr : &found->second;
}

}  // namespace efs::aws
