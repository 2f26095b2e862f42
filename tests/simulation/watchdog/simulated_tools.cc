#include "simulated_tools.h"

#include "certificate.h"
#include "efs/base/text.h"
#include "efs/identity/client_certificate.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

Result<Certificate> parsed(const std::string& pem, const std::string& path) {
  auto certificate = Certificate::parse(pem);
  if (certificate) return *certificate;
  return Error(ErrorKind::kInvalidInput, path + " is no certificate");
}

std::string utf8String(const std::string& text) {
  return "\x0c" + std::string(1, static_cast<char>(text.size())) + text;
}

}  // namespace

SimulatedTools::SimulatedTools(World& world)
    : world_(world),
      files_(world.files, [&world](const char* what) { return world.daemon.enter(what); }),
      kernel_(world),
      processes_(world),
      jobs_(world) {}

Tools SimulatedTools::all() {
  return {.clock = world_.time,
          .chance = *this,
          .log = *this,
          .files = files_,
          .kernel = kernel_,
          .processes = processes_,
          .ports = processes_,
          .listeners = processes_,
          .jobs = jobs_,
          .certificates = *this,
          .events = *this};
}

double SimulatedTools::next() { return world_.time.fraction(); }

void SimulatedTools::write(log::Level /*level*/, std::string_view line) {
  world_.journal.note("watchdog: " + std::string(line));
  world_.invariants.logged(line);
}

Result<WallTime> SimulatedTools::end(const std::string& pem, const std::string& path) {
  EFS_TRY(certificate, parsed(pem, path));
  return certificate.ends;
}

// "fs|access point|principal"
Result<crypto::CertificateFacts> SimulatedTools::facts(const std::string& pem,
                                                       const std::string& path) {
  EFS_TRY(certificate, parsed(pem, path));
  const auto words = split(certificate.identity, '|');
  crypto::CertificateFacts facts;
  facts.version = 3;
  facts.subject = "CN = host-a";
  facts.not_after = certificate.ends;
  facts.not_before = certificate.ends - std::chrono::hours(3);
  facts.self_signature_valid = true;
  if (!words[1].empty()) {
    facts.extensions.push_back({identity::kAccessPointOid, utf8String(words[1])});
  }
  if (!words[2].empty()) facts.extensions.push_back({identity::kClientAuthOid, "signature"});
  return facts;
}

}  // namespace efs::watchdog::simulation
