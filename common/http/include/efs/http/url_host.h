// Which host a URL names, and whether it exists only on this machine. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace efs::http {

// The host of an http or https URL as libcurl reads it: in lower case, %-escapes decoded, without
// user, port, brackets, zone and final dots. nullopt where there is none.
std::optional<std::string> urlHost(std::string_view url);

// Loopback, "localhost" and names below it, link-local addresses (the metadata services of EC2, ECS
// and EKS live there), 0.0.0.0, and fd00:ec2::/32, which the instance itself serves. IPv4 in every
// form that inet_aton(3) reads ("2852039166", "0xa9fea9fe", "169.254.43518") and mapped into IPv6.
bool isOnThisHost(const std::string& host);

// 127.0.0.0/8 and ::1 in their ordinary forms.
bool isLoopbackAddress(const std::string& host);

}  // namespace efs::http
