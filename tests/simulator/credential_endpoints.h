// The services that hand out credentials besides IMDS: the ECS agent, EKS Pod Identity, STS, the
// portal and the token service of IAM Identity Center. One function each, in a file of its own; a
// role is an identity of the configuration whose "role" is that name.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "world.h"

namespace efs::simulator {

struct EndpointRequest {
  std::string method;
  std::string path;                            // without the query
  std::string query;                           // without "?"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // Empty when absent.
  std::string header(const std::string& name) const;
};

struct EndpointReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// GET /v2/credentials/<role>
EndpointReply answerContainer(const EndpointRequest& request, const World& world);
// GET /v1/credentials with the token as Authorization
EndpointReply answerPodIdentity(const EndpointRequest& request, const World& world);
// POST / AssumeRole with a signature that is checked here anew; GET / AssumeRoleWithWebIdentity.
// XML, unless JSON is asked for.
EndpointReply answerSts(const EndpointRequest& request, const World& world);
// GET /federation/credentials?role_name=..&account_id=..
EndpointReply answerSso(const EndpointRequest& request, const World& world);

// POST /token: CreateToken of IAM Identity Center with the grant refresh_token; any registered
// client.
EndpointReply answerOidc(const EndpointRequest& request, const World& world);

// "a=1&b=%20" decoded; a field without "=" or given twice, or a bad "%xx": an empty map.
std::map<std::string, std::string> decodeForm(std::string_view form);

}  // namespace efs::simulator
