#include "xml_element.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "efs/base/text.h"

namespace efs::aws {
namespace {

// Position behind "<name ...>" and not of "<nameLonger>"; npos when there is none.
std::size_t contentBegin(std::string_view text, std::string_view name) {
  const std::string open = "<" + std::string(name);
  for (std::size_t at = text.find(open); at != std::string_view::npos;
       at = text.find(open, at + 1)) {
    const std::size_t behind = at + open.size();
    if (behind >= text.size()) break;
    if (text[behind] == '>') return behind + 1;
    const bool attributes =
        text[behind] == ' ' || text[behind] == '\t' || text[behind] == '\r' || text[behind] == '\n';
    if (!attributes) continue;
    const std::size_t close = text.find('>', behind);
    return close == std::string_view::npos ? close : close + 1;
  }
  return std::string_view::npos;
}

// "#65" or "#x41"; NUL where it is no ASCII character.
char numberedCharacter(std::string_view name) {
  const bool is_hex = name.starts_with("#x");
  name.remove_prefix(is_hex ? 2 : 1);
  unsigned value = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data(), end, value, is_hex ? 16 : 10);
  const bool whole = !name.empty() && parsed.ec == std::errc() && parsed.ptr == end;
  return whole && value < 0x80 ? static_cast<char>(value) : '\0';
}

// The character for "amp" and so on; NUL for an unknown name.
char entity(std::string_view name) {
  if (name.starts_with('#')) return numberedCharacter(name);
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kEntities) {
    if (known == name) return character;
  }
  return '\0';
}

// Everything that is dropped may hold a '>', but for tags, where only a quoted value may.
std::size_t endOfTag(std::string_view text) {
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != '\0') {
      if (text[i] == quote) quote = '\0';
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '>') {
      return i;
    }
  }
  return std::string_view::npos;
}

class XmlReducer {
 public:
  explicit XmlReducer(std::string_view text) : rest_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
    // "&" of a CDATA section becomes five bytes. A text that grew would leave copies behind.
    out_.reserve(5 * rest_.size());
  }
  XmlReducer(const XmlReducer&) = delete;
  XmlReducer& operator=(const XmlReducer&) = delete;
  ~XmlReducer() { wipe(out_); }

  std::optional<Secret> run() {
    while (!rest_.empty()) {
      if (!takeNext()) return std::nullopt;
    }
    if (!open_.empty() || !has_root_) return std::nullopt;
    return Secret(std::move(out_));
  }

 private:
  bool takeNext() {
    if (!rest_.starts_with('<')) {
      const auto end = std::min(rest_.find('<'), rest_.size());
      out_ += rest_.substr(0, end);
      rest_.remove_prefix(end);
      return true;
    }
    if (rest_.starts_with("<!--")) return takeBetween("<!--", "-->").has_value();
    if (rest_.starts_with("<?")) return takeBetween("<?", "?>").has_value();
    if (rest_.starts_with("<![CDATA[")) return takeLiterally(takeBetween("<![CDATA[", "]]>"));
    return !rest_.starts_with("<!") && takeTag();
  }

  // What stands in what begins and ends so; nullopt without its end.
  std::optional<std::string_view> takeBetween(std::string_view begin, std::string_view end) {
    const auto at = rest_.find(end, begin.size());
    if (at == std::string_view::npos) return std::nullopt;
    const auto inside = rest_.substr(begin.size(), at - begin.size());
    rest_.remove_prefix(at + end.size());
    return inside;
  }

  bool takeLiterally(const std::optional<std::string_view>& text) {
    if (!text) return false;
    for (const char c : *text) {
      if (c == '&') {
        out_ += "&amp;";
      } else if (c == '<') {
        out_ += "&lt;";
      } else {
        out_ += c;
      }
    }
    return true;
  }

  bool takeTag() {
    const auto end = endOfTag(rest_);
    if (end == std::string_view::npos) return false;
    std::string_view tag = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    const bool closes = tag.starts_with('/');
    if (closes) tag.remove_prefix(1);
    const bool is_empty = !closes && tag.ends_with('/');
    const auto name = tag.substr(0, tag.find_first_of(" \t\r\n/"));
    const auto own_name = name.substr(name.find(':') + 1);
    if (own_name.empty() || name.find_first_of("<>&\"'=") != std::string_view::npos) return false;
    if (closes) return closeTag(name, own_name);
    has_root_ = true;
    out_.append("<").append(own_name).append(">");
    open_.emplace_back(name);
    return open_.size() <= kMaxDepth && (!is_empty || closeTag(name, own_name));
  }

  bool closeTag(std::string_view name, std::string_view own_name) {
    if (open_.empty() || open_.back() != name) return false;
    open_.pop_back();
    out_.append("</").append(own_name).append(">");
    return true;
  }

  static constexpr std::size_t kMaxDepth = 32;
  std::string_view rest_;
  std::string out_;
  std::vector<std::string_view> open_;
  bool has_root_ = false;
};

}  // namespace

std::optional<Secret> plainXml(std::string_view text) { return XmlReducer(text).run(); }

std::optional<std::string_view> xmlElement(std::string_view text, std::string_view name) {
  const std::size_t begin = contentBegin(text, name);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = text.find("</" + std::string(name) + ">", begin);
  if (end == std::string_view::npos) return std::nullopt;
  return text.substr(begin, end - begin);
}

std::optional<std::string> xmlText(std::string_view text, std::string_view name) {
  const auto content = xmlElement(text, name);
  if (!content || content->find('<') != std::string_view::npos) return std::nullopt;
  std::string_view rest = trim(*content);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    if (rest.front() != '&') {
      out += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    const auto end = rest.find(';');
    const char character = end == std::string_view::npos ? '\0' : entity(rest.substr(1, end - 1));
    if (character == '\0') return std::nullopt;
    out += character;
    rest.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace efs::aws
