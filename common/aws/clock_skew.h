// A service that refuses a signature because of its time tells its own time in the same answer.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/http/http_client.h"

namespace efs::aws {

// How far the service's clock is ahead of the one that said `signed_at`; negative: behind. nullopt
// unless the reply refuses a signature and the two are at least four minutes apart, as in the SDKs:
// then signing with the service's time may help.
std::optional<std::chrono::seconds> clockSkew(const http::HttpReply& reply, WallTime signed_at);

// A line of the log that names the skew.
void warnOfClockSkew(const std::string& service, std::chrono::seconds skew);

}  // namespace efs::aws
