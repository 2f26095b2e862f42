// Any bytes as ~/.aws/config and ~/.aws/credentials at once: profiles whose keys and settings
// can be asked. No source of credentials is used: a profile may name programs.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "efs/base/unique_fd.h"
#include "profile_set.h"

namespace {

class NoHttp final : public efs::http::HttpClient {
 public:
  efs::Result<efs::http::HttpReply> send(const efs::http::HttpRequest&) const override {
    std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const efs::UniqueFd file(::memfd_create("config", MFD_CLOEXEC));
  if (!file.valid() || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const NoHttp http;
  const efs::SystemClock clock;
  const efs::aws::CredentialContext context{
      .http = http,
      .clock = clock,
      .home_directory = "/nonexistent",
      .environment = [&path](const std::string& name) -> std::optional<std::string> {
        if (name == "AWS_CONFIG_FILE" || name == "AWS_SHARED_CREDENTIALS_FILE") return path;
        return std::nullopt;
      },
      .region = "us-east-1"};
  const auto profiles = efs::aws::ProfileSet::load(context);
  for (const char* profile : {"default", "p", "x y"}) {
    const bool has_key = profiles.find(profile, "role_arn") != nullptr;
    if (has_key && !profiles.has(profile)) std::abort();
    const auto settings = profiles.settingsOf(profile, context.environment);
    (void)settings("AWS_ENDPOINT_URL_STS");
    (void)profiles.check(profile);
    if (settings("AWS_USE_FIPS_ENDPOINT") && !profiles.text(profile, "use_fips_endpoint")) {
      std::abort();
    }
  }
  if (profiles.findInSession("corp", "sso_region") != nullptr && !profiles.hasSession("corp")) {
    std::abort();
  }
  return 0;
}
