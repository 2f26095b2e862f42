#include "efs/test_support/temp_dir.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/remove_tree.h"

namespace efs::test_support {
namespace {

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "test support: %s\n", why.c_str());
  std::abort();
}

}  // namespace

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr ? base : "/tmp") + "/efs-test.XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) fail("no temporary directory at " + path_);
}

TempDir::~TempDir() {
  if (const auto gone = removeTree(path_); !gone) {
    std::fprintf(stderr, "test support: %s\n", gone.error().message().c_str());
  }
}

std::string TempDir::at(std::string_view name) const { return path_ + "/" + std::string(name); }

std::string TempDir::write(std::string_view name, std::string_view content) const {
  const std::string path = at(name);
  if (const auto done = writeFileAtomic(path, content); !done) fail(done.error().message());
  return path;
}

std::vector<std::string> TempDir::entries() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string contentOf(const std::string& path) {
  auto content = readFile(path, 64U << 20U);
  if (!content) fail(content.error().message());
  return *std::move(content);
}

}  // namespace efs::test_support
