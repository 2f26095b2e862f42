// AWS Security Token Service: AssumeRole and AssumeRoleWithWebIdentity.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "credential_endpoints.h"
#include "efs/base/text.h"
#include "sts_signature.h"

namespace efs::simulator {
namespace {

using nlohmann::json;
using Fields = std::map<std::string, std::string>;

constexpr const char* kNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";

bool wantsJson(const EndpointRequest& request) {
  return request.header("accept") == "application/json";
}

std::string escape(std::string text) {
  text = replaceAll(std::move(text), "&", "&amp;");
  return replaceAll(replaceAll(std::move(text), "<", "&lt;"), ">", "&gt;");
}

std::string element(const std::string& name, const std::string& content) {
  return "<" + name + ">" + content + "</" + name + ">\n";
}

EndpointReply refuse(const EndpointRequest& request, const StsRefusal& refusal) {
  if (wantsJson(request)) {
    const json error{{"Code", refusal.code}, {"Message", refusal.message}, {"Type", "Sender"}};
    return {refusal.status, "application/json", json{{"Error", error}, {"RequestId", "1"}}.dump()};
  }
  const std::string error = element("Type", "Sender") + element("Code", refusal.code) +
                            element("Message", escape(refusal.message));
  return {refusal.status, "text/xml",
          "<ErrorResponse xmlns=\"" + std::string(kNamespace) + "\">\n" + element("Error", error) +
              "</ErrorResponse>\n"};
}

StsRefusal invalid(const std::string& message) { return {400, "ValidationError", message}; }

bool isSessionName(const std::string& name) {
  static constexpr std::string_view kOthers = "_+=,.@-";
  return name.size() >= 2 && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  kOthers.find(c) != std::string_view::npos;
         });
}

std::optional<StsRefusal> refuseFields(const Fields& fields, const std::set<std::string>& allowed) {
  for (const auto& [name, value] : fields) {
    if (allowed.count(name) == 0) return invalid("unknown parameter " + printable(name, 60));
  }
  for (const char* name : {"RoleArn", "RoleSessionName"}) {
    if (fields.count(name) == 0) return invalid(std::string(name) + " is missing");
  }
  if (fields.at("Version") != "2011-06-15") return invalid("Version is not 2011-06-15");
  if (!isSessionName(fields.at("RoleSessionName"))) return invalid("bad RoleSessionName");
  if (const auto duration = fields.find("DurationSeconds"); duration != fields.end()) {
    const auto seconds = parseInt(duration->second);
    if (!seconds || *seconds < 900 || *seconds > 43200) return invalid("bad DurationSeconds");
  }
  return std::nullopt;
}

EndpointReply grant(const EndpointRequest& request, const Fields& fields, const Identity& identity,
                    const World& world) {
  const std::string& action = fields.at("Action");
  const std::int64_t life =
      fields.count("DurationSeconds") != 0 ? *parseInt(fields.at("DurationSeconds")) : 3600;
  const WallTime ends = world.now() + std::chrono::seconds(life);
  const std::string arn =
      identity.arn.substr(0, identity.arn.rfind('/') + 1) + fields.at("RoleSessionName");
  const std::string token = identity.session_token.value_or("");
  if (wantsJson(request)) {
    const json values{
        {"AccessKeyId", identity.access_key_id},
        {"SecretAccessKey", identity.secret_access_key},
        {"SessionToken", token},
        {"Expiration", static_cast<double>(std::chrono::system_clock::to_time_t(ends))}};
    const json result{{"Credentials", values}, {"AssumedRoleUser", {{"Arn", arn}}}};
    return {200, "application/json",
            json{{action + "Response", {{action + "Result", result}}}}.dump()};
  }
  const std::string values = element("AccessKeyId", identity.access_key_id) +
                             element("SecretAccessKey", escape(identity.secret_access_key)) +
                             element("SessionToken", escape(token)) +
                             element("Expiration", utcText(ends, "%Y-%m-%dT%H:%M:%SZ"));
  const std::string result =
      element("AssumedRoleUser", element("Arn", arn)) + element("Credentials", values);
  return {200, "text/xml",
          "<" + action + "Response xmlns=\"" + kNamespace + "\">\n" +
              element(action + "Result", result) + "</" + action + "Response>\n"};
}

}  // namespace

EndpointReply answerSts(const EndpointRequest& request, const World& world) {
  if (request.path != "/") return {404, "text/plain", "no such endpoint\n"};
  const bool post = request.method == "POST";
  Fields fields = decodeForm(post ? request.body : request.query);
  const std::string action = fields["Action"];
  const bool web = action == "AssumeRoleWithWebIdentity";
  if (!web && action != "AssumeRole") return refuse(request, {400, "InvalidAction", "unknown"});
  std::set<std::string> allowed{"Action", "Version", "RoleArn", "RoleSessionName",
                                "DurationSeconds"};
  allowed.insert(web ? "WebIdentityToken" : "ExternalId");
  fields.try_emplace("Version", "");
  if (const auto refusal = refuseFields(fields, allowed)) return refuse(request, *refusal);
  if (web) {
    if (fields["WebIdentityToken"] != world.config().credentials->web_identity_token) {
      return refuse(request, {400, "InvalidIdentityToken", "Couldn't verify the token"});
    }
  } else {
    if (!post) return refuse(request, invalid("AssumeRole must be a POST"));
    if (const auto refusal = refuseSignature(request, world)) return refuse(request, *refusal);
  }
  const std::string& arn = fields["RoleArn"];
  const auto identity = world.identityOfRole(arn.substr(arn.rfind('/') + 1));
  if (!identity || !arn.starts_with("arn:aws:iam::123456789012:role/")) {
    return refuse(request, {403, "AccessDenied", "Not authorized to perform sts:" + action});
  }
  return grant(request, fields, *identity, world);
}

}  // namespace efs::simulator
