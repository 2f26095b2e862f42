// IniScanner: the line rules of Python's ConfigParser, which efs-utils reads its configuration with
// and botocore its profiles. One grammar for both of our readers. Pure.
//
// LF, CR and CR LF end a line; `[name]` begins a section, up to the last `]`, and what follows it
// is ignored; `#` and `;` start a comment only as the first visible character; `key = value` or
// `key: value`; a line indented deeper than the key above continues that key's value, and so does
// an empty one. Blanks are those of Python's str.strip(), the Unicode ones too.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace efs {

struct IniToken {
  enum class Kind {
    kSection,  // name
    kKey,      // name as written, value
    kMore,     // value: one more line of the value above, perhaps an empty one
    kBad       // nothing of the kinds above; name: the line, which may be a secret
  };
  Kind kind;
  std::size_t line;  // from 1
  std::string_view name;
  std::string_view value;
};

class IniScanner {
 public:
  // `text` must outlive the object; its tokens are views of it.
  explicit IniScanner(std::string_view text) : rest_(text) {}
  // nullopt at the end. Comments, and empty lines outside of a value, give no token. A key before
  // the first section is a token as well: refusing it is the caller's business.
  std::optional<IniToken> next();

 private:
  std::optional<IniToken> judge(std::string_view line);

  std::string_view rest_;
  std::size_t line_ = 0;
  std::size_t indent_ = 0;  // characters, of the last line that began a key or a section
  bool has_section_ = false;
  bool in_value_ = false;
};

// What a key is found by: lower case, as str.lower() makes it. Beside A to Z that is the Kelvin
// sign (U+212A), the one other character whose lower case is a letter of ASCII.
std::string iniKey(std::string_view name);

// Without blanks at both ends.
std::string_view stripIni(std::string_view text);
// Without blanks at its end: what a value is once its lines are joined.
std::string_view stripIniEnd(std::string_view text);

}  // namespace efs
