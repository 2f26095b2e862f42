// JSON answers of AWS services: fields as views, all texts wiped when the document dies.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::aws {

class SecretJson {
 public:
  using Json = nlohmann::json;

  // kProtocol when it is not one JSON object of valid UTF-8.
  static Result<SecretJson> parse(std::string_view text);
  SecretJson(SecretJson&&) noexcept = default;
  SecretJson& operator=(SecretJson&&) = delete;
  // NOLINTNEXTLINE(bugprone-exception-escape): iterating over what is there throws nothing
  ~SecretJson();

  const Json& root() const { return root_; }

 private:
  explicit SecretJson(Json root) : root_(std::move(root)) {}
  Json root_;
};

// The text of an object made here, whose own texts are wiped. Bytes that are not UTF-8 are
// replaced.
std::string dumpSecret(nlohmann::json object);

// Member `name`; null when `object` is null, not an object, or has no such member.
const nlohmann::json* member(const nlohmann::json* object, const char* name);
// Empty when missing or not a text. The view lives as long as the document.
std::string_view textOf(const nlohmann::json* object, const char* name);

}  // namespace efs::aws
