#include "certificate_check.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <time.h>

#include <array>
#include <memory>
#include <vector>

#include "der_reader.h"
#include "efs/base/text.h"
#include "sigv4_check.h"

namespace efs::simulator {
namespace {

using std::chrono::seconds;
using namespace std::string_view_literals;

// AlgorithmIdentifier values with the NULL parameters that RFC 4055 section 5 demands.
constexpr auto kSha256WithRsa = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"sv;
constexpr auto kRsaEncryption = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"sv;
constexpr auto kOidCommonName = "\x55\x04\x03"sv;
constexpr auto kOidSubjectKeyId = "\x55\x1d\x0e"sv;
constexpr auto kOidAccessPoint = "\x2b\x06\x01\x04\x01\xa5\x6b\x07\x01"sv;  // 1.3.6.1.4.1.4843.7.1
constexpr auto kOidClientAuth = "\x2b\x06\x01\x04\x01\xa5\x6b\x07\x02"sv;
constexpr auto kOidFileSystem = "\x2b\x06\x01\x04\x01\xa5\x6b\x07\x03"sv;
constexpr auto kOidClientInfo = "\x2b\x06\x01\x04\x01\xa5\x6b\x07\x04"sv;

constexpr seconds kBackdated(15 * 60);
constexpr seconds kLifetime(3 * 3600 + 15 * 60);
constexpr seconds kRounding(2);

tl::unexpected<Refusal> refuse(std::string_view field, std::string reason) {
  return tl::unexpected<Refusal>(Refusal{std::string(field), std::move(reason)});
}

#define SIM_TRY(var, expression)                                                      \
  auto var##_judged = (expression);                                                   \
  if (!var##_judged) return tl::unexpected<Refusal>(std::move(var##_judged).error()); \
  auto var = std::move(*var##_judged)

struct Fields {
  std::string_view version;
  std::string_view serial;
  std::string_view inner_algorithm;
  std::string_view issuer;
  std::string_view validity;
  std::string_view subject;
  std::string_view public_key;
  std::string_view extensions;
  std::string_view outer_algorithm;
};

Judged<std::string_view> take(DerReader& reader, std::uint8_t tag, std::string_view field) {
  const auto element = reader.next(tag);
  if (!element) return refuse(field, "missing, of another type or not DER");
  return element->value;
}

Judged<Fields> splitCertificate(std::string_view der) {
  DerReader top(der);
  SIM_TRY(certificate, take(top, tag::kSequence, "certificate"));
  if (!top.atEnd()) return refuse("certificate", "bytes after the certificate");
  DerReader outer(certificate);
  SIM_TRY(tbs_bytes, take(outer, tag::kSequence, "certificate"));
  Fields fields;
  SIM_TRY(outer_algorithm, take(outer, tag::kSequence, "signature_algorithm"));
  SIM_TRY(signature, take(outer, tag::kBitString, "signature"));
  if (!outer.atEnd()) return refuse("certificate", "elements after the signature");
  fields.outer_algorithm = outer_algorithm;
  (void)signature;  // verified by OpenSSL over the whole certificate

  DerReader tbs(tbs_bytes);
  SIM_TRY(version, take(tbs, tag::kContext0, "version"));
  SIM_TRY(serial, take(tbs, tag::kInteger, "serial"));
  SIM_TRY(inner_algorithm, take(tbs, tag::kSequence, "signature_algorithm"));
  SIM_TRY(issuer, take(tbs, tag::kSequence, "issuer"));
  SIM_TRY(validity, take(tbs, tag::kSequence, "validity"));
  SIM_TRY(subject, take(tbs, tag::kSequence, "subject"));
  SIM_TRY(public_key, take(tbs, tag::kSequence, "public_key"));
  SIM_TRY(extensions, take(tbs, tag::kContext3, "extensions"));
  if (!tbs.atEnd()) return refuse("certificate", "elements after the extensions");
  fields.version = version;
  fields.serial = serial;
  fields.inner_algorithm = inner_algorithm;
  fields.issuer = issuer;
  fields.validity = validity;
  fields.subject = subject;
  fields.public_key = public_key;
  fields.extensions = extensions;
  return fields;
}

// nullopt or why the INTEGER is not a non-negative DER number of at most 20 octets (RFC 5280
// section 4.1.2.2).
std::optional<std::string> integerFault(std::string_view value) {
  if (value.empty() || value.size() > 20) return "has no or more than 20 octets";
  const auto first = static_cast<unsigned char>(value[0]);
  if (first >= 0x80) return "is negative";
  if (value.size() > 1 && first == 0 && static_cast<unsigned char>(value[1]) < 0x80) {
    return "is not in the shortest form";
  }
  return std::nullopt;
}

// Name = exactly one RDN with exactly one CN, UTF8String of 1-64 characters.
Judged<std::string> commonName(std::string_view name, std::string_view field) {
  DerReader names(name);
  SIM_TRY(rdn, take(names, tag::kSet, field));
  if (!names.atEnd()) return refuse(field, "more than one name part");
  DerReader parts(rdn);
  SIM_TRY(part, take(parts, tag::kSequence, field));
  if (!parts.atEnd()) return refuse(field, "more than one attribute");
  DerReader attribute(part);
  SIM_TRY(type, take(attribute, tag::kOid, field));
  if (type != kOidCommonName) return refuse(field, "is not a common name");
  SIM_TRY(value, take(attribute, tag::kUtf8String, field));
  if (!attribute.atEnd()) return refuse(field, "bytes after the common name");
  if (value.empty() || value.size() > 64) return refuse(field, "common name is not 1-64 long");
  return std::string(value);
}

// UTCTime in DER: YYMMDDHHMMSSZ (X.690 section 11.8); YY < 50 is 20YY (RFC 5280 section 4.1.2.5.1).
Judged<WallTime> utcTime(std::string_view text, std::string_view field) {
  if (text.size() != 13 || text.back() != 'Z' ||
      text.substr(0, 12).find_first_not_of("0123456789") != std::string_view::npos) {
    return refuse(field, "is not a UTCTime of the form YYMMDDHHMMSSZ");
  }
  std::array<int, 6> n{};
  for (std::size_t i = 0; i < n.size(); ++i) {
    n[i] = (text[2 * i] - '0') * 10 + (text[2 * i + 1] - '0');
  }
  struct tm parts {};
  parts.tm_year = n[0] < 50 ? n[0] + 100 : n[0];
  parts.tm_mon = n[1] - 1;
  parts.tm_mday = n[2];
  parts.tm_hour = n[3];
  parts.tm_min = n[4];
  parts.tm_sec = n[5];
  struct tm normal = parts;
  const time_t when = ::timegm(&normal);
  if (normal.tm_mon != parts.tm_mon || normal.tm_mday != parts.tm_mday ||
      normal.tm_hour != parts.tm_hour || normal.tm_min != parts.tm_min ||
      normal.tm_sec != parts.tm_sec) {
    return refuse(field, "is not a date");
  }
  return std::chrono::system_clock::from_time_t(when);
}

// CERT-1: RSA of exactly 3072 bits with exponent 65537. The result is the SHA-1 of the bit string's
// content, which CERT-2 calls the key id.
Judged<std::string> publicKeyHash(std::string_view spki) {
  const std::string_view field = "public_key";
  DerReader reader(spki);
  SIM_TRY(algorithm, take(reader, tag::kSequence, field));
  if (algorithm != kRsaEncryption) return refuse(field, "is not an RSA key");
  SIM_TRY(bits, take(reader, tag::kBitString, field));
  if (!reader.atEnd()) return refuse(field, "bytes after the key");
  if (bits.empty() || bits[0] != '\0') return refuse(field, "unused bits in the key");
  const std::string_view key = bits.substr(1);
  DerReader key_reader(key);
  SIM_TRY(numbers, take(key_reader, tag::kSequence, field));
  if (!key_reader.atEnd()) return refuse(field, "bytes after the numbers");
  DerReader number_reader(numbers);
  SIM_TRY(modulus, take(number_reader, tag::kInteger, field));
  SIM_TRY(exponent, take(number_reader, tag::kInteger, field));
  if (!number_reader.atEnd()) return refuse(field, "bytes after the exponent");
  const bool full =
      modulus.size() == 385 && modulus[0] == '\0' && static_cast<unsigned char>(modulus[1]) >= 0x80;
  if (!full) return refuse(field, "RSA modulus is not 3072 bits long");
  if (exponent != "\x01\x00\x01"sv) return refuse(field, "RSA exponent is not 65537");
  return hex(sha1(key));
}

Judged<std::string> onlyUtf8(std::string_view content, std::string_view field, std::size_t least,
                             std::size_t most) {
  DerReader reader(content);
  SIM_TRY(value, take(reader, tag::kUtf8String, field));
  if (!reader.atEnd()) return refuse(field, "bytes after the text");
  if (value.size() < least || value.size() > most) return refuse(field, "text of wrong length");
  return std::string(value);
}

Judged<ClientAuth> parseAuth(std::string_view content) {
  DerReader whole(content);
  SIM_TRY(body, take(whole, tag::kSequence, "client_auth"));
  if (!whole.atEnd()) return refuse("client_auth", "bytes after the sequence");
  DerReader reader(body);
  ClientAuth auth;
  SIM_TRY(key_id, take(reader, tag::kUtf8String, "client_auth.access_key_id"));
  SIM_TRY(signature, take(reader, tag::kOctetString, "client_auth.signature"));
  SIM_TRY(time_text, take(reader, tag::kUtcTime, "client_auth.time"));
  auth.access_key_id = key_id;
  auth.signature = signature;
  SIM_TRY(signed_at, utcTime(time_text, "client_auth.time"));
  auth.signed_at = signed_at;
  if (signature.size() != 64 ||
      signature.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return refuse("client_auth.signature", "is not 64 lower-case hexadecimal digits");
  }
  if (!reader.atEnd()) {
    SIM_TRY(wrapped, take(reader, tag::kContext0, "client_auth.session_token"));
    if (!reader.atEnd()) return refuse("client_auth", "elements after the session token");
    SIM_TRY(token, onlyUtf8(wrapped, "client_auth.session_token", 1, 16384));
    auth.session_token = token;
  }
  return auth;
}

// .7.4: source and version. A leading blank is in the field too (CERT-7).
Judged<std::pair<std::string, std::string>> parseClientInfo(std::string_view content) {
  const std::string_view field = "client_info";
  DerReader whole(content);
  SIM_TRY(body, take(whole, tag::kSequence, field));
  if (!whole.atEnd()) return refuse(field, "bytes after the sequence");
  DerReader reader(body);
  SIM_TRY(source, take(reader, tag::kUtf8String, "client_info.source"));
  SIM_TRY(version, take(reader, tag::kUtf8String, "client_info.version"));
  if (!reader.atEnd()) return refuse(field, "more than two texts");
  const auto fits = [](std::string_view text) {
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    return !text.empty() && text.size() <= 100;
  };
  if (!fits(source)) return refuse("client_info.source", "is not 1-100 long");
  if (!fits(version)) return refuse("client_info.version", "is not 1-100 long");
  return std::pair(std::string(source), std::string(version));
}

struct Extension {
  std::string_view oid;
  std::string_view content;
};

Judged<std::vector<Extension>> splitExtensions(std::string_view wrapped) {
  const std::string_view field = "extensions";
  DerReader whole(wrapped);
  SIM_TRY(list, take(whole, tag::kSequence, field));
  if (!whole.atEnd()) return refuse(field, "bytes after the list");
  std::vector<Extension> extensions;
  DerReader reader(list);
  while (!reader.atEnd()) {
    SIM_TRY(entry, take(reader, tag::kSequence, field));
    DerReader parts(entry);
    SIM_TRY(oid, take(parts, tag::kOid, field));
    if (const auto critical = parts.next(tag::kBoolean)) {
      // X.690 section 11.5: a default value must not be encoded, so FALSE is wrong as well.
      return refuse(field, "an extension carries a critical flag: OID " + hex(oid));
    }
    SIM_TRY(content, take(parts, tag::kOctetString, field));
    if (!parts.atEnd()) return refuse(field, "bytes after an extension");
    extensions.push_back({oid, content});
  }
  return extensions;
}

// CERT-2: exactly this set, in this order.
std::optional<Refusal> orderFault(const std::vector<Extension>& extensions) {
  constexpr std::array kOrder{kOidSubjectKeyId, kOidAccessPoint, kOidClientAuth, kOidFileSystem,
                              kOidClientInfo};
  std::size_t position = 0;
  for (const auto& extension : extensions) {
    std::size_t index = 0;
    while (index < kOrder.size() && kOrder[index] != extension.oid) ++index;
    if (index == kOrder.size()) {
      return Refusal{"extensions", "unexpected extension, OID " + hex(extension.oid)};
    }
    if (index < position) return Refusal{"extensions", "wrong order or one appears twice"};
    position = index + 1;
  }
  return std::nullopt;
}

Judged<bool> readExtension(const Extension& extension, ClientClaim& claim) {
  if (extension.oid == kOidSubjectKeyId) {
    DerReader reader(extension.content);
    SIM_TRY(id, take(reader, tag::kOctetString, "subject_key_identifier"));
    if (!reader.atEnd() || hex(id) != claim.public_key_sha1) {
      return refuse("subject_key_identifier", "is not the SHA-1 of the public-key bit string");
    }
  } else if (extension.oid == kOidAccessPoint) {
    SIM_TRY(id, onlyUtf8(extension.content, "access_point", 1, 128));
    claim.access_point_id = id;
  } else if (extension.oid == kOidClientAuth) {
    SIM_TRY(auth, parseAuth(extension.content));
    claim.auth = auth;
  } else if (extension.oid == kOidFileSystem) {
    SIM_TRY(id, onlyUtf8(extension.content, "file_system", 1, 128));
    claim.file_system_id = id;
  } else {
    SIM_TRY(info, parseClientInfo(extension.content));
    claim.source = info.first;
    claim.version = info.second;
  }
  return true;
}

Judged<bool> readExtensions(std::string_view wrapped, ClientClaim& claim) {
  SIM_TRY(extensions, splitExtensions(wrapped));
  if (auto fault = orderFault(extensions)) return tl::unexpected<Refusal>(*fault);
  const auto has = [&](std::string_view oid) {
    for (const auto& extension : extensions) {
      if (extension.oid == oid) return true;
    }
    return false;
  };
  if (!has(kOidSubjectKeyId)) return refuse("subject_key_identifier", "missing");
  if (!has(kOidFileSystem)) return refuse("file_system", "missing");
  if (!has(kOidClientInfo)) return refuse("client_info", "missing");
  for (const auto& extension : extensions) {
    SIM_TRY(good, readExtension(extension, claim));
    (void)good;
  }
  return true;
}

Judged<bool> readValidity(std::string_view validity, ClientClaim& claim) {
  DerReader reader(validity);
  SIM_TRY(not_before, take(reader, tag::kUtcTime, "not_before"));
  SIM_TRY(not_after, take(reader, tag::kUtcTime, "not_after"));
  if (!reader.atEnd()) return refuse("validity", "more than two times");
  SIM_TRY(before, utcTime(not_before, "not_before"));
  SIM_TRY(after, utcTime(not_after, "not_after"));
  claim.not_before = before;
  claim.not_after = after;
  const auto length = after - before;
  if (length < kLifetime - kRounding || length > kLifetime + kRounding) {
    return refuse("validity", "does not last 3 hours and 15 minutes");
  }
  return true;
}

bool selfSignatureHolds(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      d2i_X509(nullptr, &bytes, static_cast<long>(der.size())), X509_free);
  const bool good = certificate && X509_get0_pubkey(certificate.get()) != nullptr &&
                    X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())) == 1;
  ERR_clear_error();
  return good;
}

std::optional<Refusal> timeFault(const ClientClaim& claim, const CertificateRules& rules) {
  if (rules.now < claim.not_before) return Refusal{"not_before", "is in the future"};
  if (rules.now >= claim.not_after) return Refusal{"not_after", "has passed"};
  const WallTime made_at = claim.not_before + kBackdated;
  if (made_at > rules.now + rules.max_skew) {
    return Refusal{"not_before", "is not 15 minutes before the certificate was made"};
  }
  if (!claim.auth) return std::nullopt;
  const auto skew = claim.auth->signed_at - made_at;
  if (skew > rules.max_skew || -skew > rules.max_skew) {
    return Refusal{"client_auth.time", "does not fit the certificate's not-before time"};
  }
  if (claim.auth->signed_at > rules.now + rules.max_skew) {
    return Refusal{"client_auth.time", "is in the future"};
  }
  if (rules.strict_skew && claim.auth->signed_at < rules.now - rules.max_skew) {
    return Refusal{"client_auth.time", "is older than the permitted skew"};
  }
  return std::nullopt;
}

Judged<Identity> judgeAuth(const ClientClaim& claim, const CertificateRules& rules) {
  const ClientAuth& auth = *claim.auth;
  auto identity = rules.identity_of_key(auth.access_key_id);
  if (!identity) return refuse("client_auth.access_key_id", "unknown access key");
  if (auth.session_token != identity->session_token) {
    return refuse("client_auth.session_token", "is not the session token of the access key");
  }
  SignedFacts facts;
  facts.public_key_sha1 = claim.public_key_sha1;
  facts.access_key_id = auth.access_key_id;
  facts.session_token = auth.session_token;
  facts.file_system_id = rules.file_system_id;
  facts.region = rules.region;
  facts.service = rules.service;
  facts.time = auth.signed_at;
  if (auth.signature != expectedSignature(facts, identity->secret_access_key)) {
    return refuse("client_auth.signature", "does not match");
  }
  return *identity;
}

}  // namespace

Judged<ClientClaim> parseClientCertificate(std::string_view der) {
  SIM_TRY(fields, splitCertificate(der));
  // [0] EXPLICIT INTEGER 2 means version 3.
  if (fields.version != "\x02\x01\x02"sv) return refuse("version", "is not 3");
  if (const auto fault = integerFault(fields.serial)) return refuse("serial", *fault);
  if (fields.inner_algorithm != kSha256WithRsa || fields.outer_algorithm != kSha256WithRsa) {
    return refuse("signature_algorithm", "is not sha256WithRSAEncryption");
  }
  ClientClaim claim;
  SIM_TRY(issuer, commonName(fields.issuer, "issuer"));
  SIM_TRY(subject, commonName(fields.subject, "subject"));
  if (issuer != subject) return refuse("issuer", "differs from the subject");
  claim.common_name = subject;
  SIM_TRY(times, readValidity(fields.validity, claim));
  (void)times;
  SIM_TRY(key_hash, publicKeyHash(fields.public_key));
  claim.public_key_sha1 = key_hash;
  SIM_TRY(extensions, readExtensions(fields.extensions, claim));
  (void)extensions;
  if (!selfSignatureHolds(der)) return refuse("signature", "the self-signature does not hold");
  return claim;
}

Judged<std::optional<Identity>> judgeClaim(const ClientClaim& claim,
                                           const CertificateRules& rules) {
  if (auto fault = timeFault(claim, rules)) return tl::unexpected<Refusal>(*fault);
  if (claim.file_system_id != rules.file_system_id) {
    return refuse("file_system", "is not the file system of this mount target");
  }
  if (claim.access_point_id && !rules.knows_access_point(*claim.access_point_id)) {
    return refuse("access_point", "is not an access point of this file system");
  }
  if (!claim.auth) return std::optional<Identity>();
  SIM_TRY(identity, judgeAuth(claim, rules));
  return std::optional<Identity>(identity);
}

}  // namespace efs::simulator
