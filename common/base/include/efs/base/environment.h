// Environment variables: the process's own, behind the type that tests replace.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace efs {

// Gives a variable's value; nullopt where it is absent or empty.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The process's environment; an empty variable counts as absent.
std::optional<std::string> environmentVariable(const std::string& name);

// "true" in any case and nothing else: how AWS's SDKs read their switches.
bool saysTrue(const std::optional<std::string>& value);

using Variables = std::map<std::string, std::string>;

// Names, or beginnings of names that end in '*'.
bool matchesAny(std::string_view name, const std::vector<std::string>& patterns);

// Moves the variables of such names out of this process's environment. Their bytes are overwritten
// where execve(2) put them: /proc/<pid>/environ, which stands open for as long as a daemon lives,
// shows them no more. Before the first thread.
Variables takeVariables(const std::vector<std::string>& patterns);
// Puts them into this process's environment. For a process with one thread.
void setVariables(const Variables& variables);

// What libcurl and most other programs read. no_proxy lists hosts; the others are addresses,
// perhaps with a user and a password before an '@'.
inline constexpr std::array<const char*, 8> kProxyVariables{
    "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"};
// "http://user:password@proxy:3128" without what stands between "//" and the last '@'.
std::string withoutProxyUser(std::string value);
// The proxy variables of `environment` that name a user, each without him.
Variables proxiesWithoutUser(const Environment& environment);

}  // namespace efs
