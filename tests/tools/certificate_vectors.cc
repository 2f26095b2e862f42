// certificate-vectors FILE: makes the client certificate of every case in FILE (vector_file.h) and
// compares what stands in the X.509, parsed back, with the expected values.
//
// Standard output: "ok <name>" or "FAIL <name>" for each case, each mismatch on an indented line
// below. Exit status 0 only when all cases match; 1 on a mismatch or a file that cannot be used.
#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "efs/aws/sigv4.h"
#include "efs/base/text.h"
#include "efs/crypto/certificate.h"
#include "efs/crypto/der.h"
#include "efs/identity/client_certificate.h"
#include "vector_file.h"

namespace efs::tools {
namespace {

namespace der = crypto::der;

// Collects what differs; silent about what is equal.
class Mismatches {
 public:
  void compare(const std::string& what, const std::string& expected, const std::string& actual) {
    if (expected == actual) return;
    add(what + ":\n    expected " + printable(expected, kShown) + "\n    found    " +
        printable(actual, kShown));
  }
  void add(std::string text) { list_.push_back(std::move(text)); }
  const std::vector<std::string>& list() const { return list_; }

 private:
  static constexpr std::size_t kShown = 4000;
  std::vector<std::string> list_;
};

std::optional<aws::Credentials> credentialsOf(const VectorCase& wanted) {
  if (!wanted.access_key_id) return std::nullopt;
  aws::Credentials credentials;
  credentials.access_key_id = *wanted.access_key_id;
  credentials.secret_access_key = Secret(std::string_view(*wanted.secret_access_key));
  if (wanted.session_token)
    credentials.session_token = Secret(std::string_view(*wanted.session_token));
  return credentials;
}

identity::CertificateRequest requestOf(const VectorCase& wanted) {
  identity::CertificateRequest request;
  request.common_name = wanted.common_name;
  request.fs_id = wanted.file_system_id;
  request.access_point = wanted.access_point_id;
  request.region = wanted.region;
  request.credentials = credentialsOf(wanted);
  request.client_source = wanted.client_source;
  request.client_version = wanted.client_version;
  return request;
}

// Subject and issuer by the letter: one CN of type UTF8String (CERT-1).
std::string expectedName(const std::string& common_name) {
  const std::string oid("\x06\x03\x55\x04\x03", 5);  // 2.5.4.3
  const std::string attribute = der::sequence(oid + der::utf8String(common_name));
  return der::sequence(der::element(0x31, attribute));  // SET OF one attribute
}

void compareNames(const VectorCase& wanted, const crypto::CertificateFacts& found,
                  Mismatches& mismatches) {
  constexpr const char* kTimeForm = "%b %e %H:%M:%S %Y GMT";
  mismatches.compare("notBefore", wanted.x509.at("notBefore"),
                     utcText(found.not_before, kTimeForm));
  mismatches.compare("notAfter", wanted.x509.at("notAfter"), utcText(found.not_after, kTimeForm));
  mismatches.compare("subject", wanted.x509.at("subject"), found.subject);
  mismatches.compare("issuer", wanted.x509.at("issuer"), found.issuer);
  mismatches.compare("serial", wanted.x509.at("serial"), found.serial);
  mismatches.compare("subject (DER)", hex(expectedName(wanted.common_name)),
                     hex(found.subject_der));
}

void compareForm(const crypto::CertificateFacts& found, Mismatches& mismatches) {
  mismatches.compare("X.509 version", "3", std::to_string(found.version));
  mismatches.compare("signature algorithm", "RSA-SHA256", found.signature_algorithm);
  if (!found.self_signature_valid) mismatches.add("the self-signature does not verify");
}

// The set must be that of the file, the order that of contract CERT-2.
void compareExtensions(const VectorCase& wanted, const crypto::CertificateFacts& found,
                       Mismatches& mismatches) {
  constexpr std::array kOrder{crypto::kSubjectKeyIdentifierOid, identity::kAccessPointOid,
                              identity::kClientAuthOid, identity::kFileSystemOid,
                              identity::kClientInfoOid};
  std::vector<std::string> expected_order;
  for (const char* oid : kOrder) {
    if (wanted.extensions.count(oid) != 0) expected_order.emplace_back(oid);
  }
  for (const auto& [oid, value] : wanted.extensions) {
    const bool known = std::find(kOrder.begin(), kOrder.end(), oid) != kOrder.end();
    if (!known) mismatches.add("expected extension " + printable(oid) + " is never written");
  }
  std::vector<std::string> found_order;
  for (const auto& extension : found.extensions) {
    found_order.push_back(extension.oid);
    if (extension.critical) mismatches.add("extension " + extension.oid + " is critical");
    const auto value = wanted.extensions.find(extension.oid);
    if (value == wanted.extensions.end()) continue;  // told by the order below
    mismatches.compare("extension " + extension.oid, value->second, hex(extension.value));
  }
  mismatches.compare("extensions and their order", join(expected_order, " "),
                     join(found_order, " "));
}

// The value of the extension must carry the very signature that the steps below give: they are made
// from what stands in the certificate (its public key), not from what was asked for.
void compareSignature(const VectorCase& wanted, const crypto::CertificateFacts& found,
                      Mismatches& mismatches) {
  const SignatureExpectation& expected = *wanted.signature;
  const aws::SigningScope scope{wanted.time, wanted.region, "elasticfilesystem"};
  const auto steps =
      aws::signConnect(found.public_key_sha1, wanted.file_system_id, *credentialsOf(wanted), scope);
  if (!steps) return mismatches.add("signing failed: " + steps.error().describe());
  mismatches.compare("canonical request", expected.canonical_request, steps->canonical_request);
  mismatches.compare("string to sign", expected.string_to_sign, steps->string_to_sign);
  mismatches.compare("signature", expected.signature, steps->hex);
  for (const auto& extension : found.extensions) {
    if (extension.oid != identity::kClientAuthOid) continue;
    const bool carried =
        extension.value.find(der::octetString(expected.signature)) != std::string::npos;
    if (!carried) mismatches.add("the certificate does not carry the expected signature");
  }
}

Mismatches check(const VectorCase& wanted, const crypto::RsaKey& key) {
  Mismatches mismatches;
  const auto made = identity::makeClientCertificate(requestOf(wanted), key, wanted.time);
  if (!made) {
    mismatches.add(made.error().describe());
    return mismatches;
  }
  const auto found = crypto::readCertificate(made->pem, "the generated certificate");
  if (!found) {
    mismatches.add(found.error().describe());
    return mismatches;
  }
  compareForm(*found, mismatches);
  compareNames(wanted, *found, mismatches);
  if (wanted.public_key_sha1) {
    mismatches.compare("public key SHA-1", *wanted.public_key_sha1, found->public_key_sha1);
  }
  compareExtensions(wanted, *found, mismatches);
  if (wanted.signature) compareSignature(wanted, *found, mismatches);
  return mismatches;
}

int run(const std::string& path) {
  const auto file = readVectorFile(path);
  if (!file) {
    std::fprintf(stderr, "certificate-vectors: %s\n", file.error().describe().c_str());
    return 1;
  }
  const auto key = crypto::RsaKey::fromPem(file->private_key_pem);
  if (!key) {
    std::fprintf(stderr, "certificate-vectors: %s: field \"private_key_pem\": %s\n", path.c_str(),
                 key.error().describe().c_str());
    return 1;
  }
  bool all_match = true;
  for (const auto& wanted : file->cases) {
    const Mismatches mismatches = check(wanted, *key);
    const bool match = mismatches.list().empty();
    std::printf("%s %s\n", match ? "ok" : "FAIL", printable(wanted.name).c_str());
    for (const auto& line : mismatches.list()) std::printf("  %s\n", line.c_str());
    all_match = all_match && match;
  }
  return all_match && std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace efs::tools

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: certificate-vectors FILE\n");
    return 1;
  }
  return efs::tools::run(argv[1]);
}
