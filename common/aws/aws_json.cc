#include "aws_json.h"

#include "efs/base/secret.h"

namespace efs::aws {
namespace {

// Deeper than any answer of AWS; the parser itself does not recurse, the wiping below does.
constexpr std::size_t kMaxDepth = 32;

bool tooDeep(std::string_view text) {
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
      continue;
    }
    in_text = c == '"';
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && depth > 0) --depth;
    if (depth > kMaxDepth) return true;
  }
  return false;
}

void wipeTexts(nlohmann::json& value) {
  if (auto* text = value.get_ptr<std::string*>()) wipe(*text);
  if (!value.is_structured()) return;
  for (auto& child : value) wipeTexts(child);
}

}  // namespace

Result<SecretJson> SecretJson::parse(std::string_view text) {
  if (tooDeep(text)) return Error(ErrorKind::kProtocol, "the reply is nested too deeply");
  // The third argument turns exceptions off; invalid UTF-8 is refused as well.
  // A NUL would be the end for the parser, whatever follows.
  const bool has_nul = text.find('\0') != std::string_view::npos;
  Json document = has_nul ? Json() : Json::parse(text, nullptr, false);
  if (document.is_object()) return SecretJson(std::move(document));
  return Error(ErrorKind::kProtocol, "the reply is not a JSON object");
}

// NOLINTNEXTLINE(bugprone-exception-escape): iterating over what is there throws nothing
SecretJson::~SecretJson() { wipeTexts(root_); }

std::string dumpSecret(nlohmann::json object) {
  std::string text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  wipeTexts(object);
  return text;
}

const nlohmann::json* member(const nlohmann::json* object, const char* name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &*found;
}

std::string_view textOf(const nlohmann::json* object, const char* name) {
  const auto* found = member(object, name);
  if (found == nullptr) return {};
  const auto* text = found->get_ptr<const std::string*>();
  return text == nullptr ? std::string_view() : *text;
}

}  // namespace efs::aws
