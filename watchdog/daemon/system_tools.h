// The tools of the running program that are not worth a file of their own.
#pragma once

#include <random>

#include "efs/base/random.h"
#include "tools/tools.h"

namespace efs::watchdog {

class SystemLog final : public Log {
 public:
  bool enabled(log::Level level) const override { return log::enabled(level); }
  void write(log::Level level, std::string_view line) override { log::write(level, line); }
};

class SystemChance final : public Chance {
 public:
  double next() override { return std::uniform_real_distribution<double>(0, 1)(random_); }

 private:
  std::mt19937 random_{RandomSource{}()};
};

class SystemCertificates final : public Certificates {
 public:
  Result<WallTime> end(const std::string& pem, const std::string& path) override {
    return crypto::certificateNotAfter(pem, path);
  }
  Result<crypto::CertificateFacts> facts(const std::string& pem, const std::string& path) override {
    return crypto::readCertificate(pem, path);
  }
};

}  // namespace efs::watchdog
