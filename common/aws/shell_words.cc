#include "shell_words.h"

namespace efs::aws {
namespace {

bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> split() {
    while (at_ < text_.size()) EFS_CHECK(take(text_[at_++]));
    if (in_word_) words_.push_back(word_);
    return std::move(words_);
  }

 private:
  Status take(char c) {
    if (isBlank(c)) {
      if (in_word_) words_.push_back(word_);
      word_.clear();
      in_word_ = false;
      return {};
    }
    in_word_ = true;
    if (c == '\'') return takeLiteral();
    if (c == '"') return takeQuoted();
    if (c != '\\') {
      word_ += c;
      return {};
    }
    if (at_ == text_.size()) return Error(ErrorKind::kInvalidInput, "a backslash at the end");
    word_ += text_[at_++];
    return {};
  }

  Status takeLiteral() {
    const auto end = text_.find('\'', at_);
    if (end == std::string_view::npos) return openQuotation();
    word_ += text_.substr(at_, end - at_);
    at_ = end + 1;
    return {};
  }

  Status takeQuoted() {
    constexpr std::string_view kEscapable = "\"\\";
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return {};
      const bool escapes =
          c == '\\' && at_ < text_.size() && kEscapable.find(text_[at_]) != std::string_view::npos;
      word_ += escapes ? text_[at_++] : c;
    }
    return openQuotation();
  }

  static Error openQuotation() {
    return {ErrorKind::kInvalidInput, "a quotation mark is not closed"};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

}  // namespace

Result<std::vector<std::string>> splitShellWords(std::string_view text) {
  return Splitter(text).split();
}

}  // namespace efs::aws
