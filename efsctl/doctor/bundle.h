// The archive for support: what the doctor saw, states, configuration and logs, without secrets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "doctor/doctor_words.h"
#include "efs/base/result.h"
#include "efs/efsctl/doctor.h"

namespace efs::efsctl {

inline constexpr std::string_view kRemoved = "[removed]";

// Without what is, or may be, a secret: each of `known`; private keys; the values of names such as
// aws_secret_access_key, SessionToken, Authorization, password; users in URLs; web identity tokens;
// words in the form of a secret access key or a session token. Pure.
std::string withoutSecrets(std::string text, const std::vector<std::string>& known);

// The values that this process and root's AWS files hold.
std::vector<std::string> knownSecrets();

// `directory`: is made, and filled with what goes into options.bundle.
Status writeBundle(const DoctorOptions& options, const DoctorReport& report,
                   const std::string& directory);

}  // namespace efs::efsctl
