// TempDir: a fresh directory for one test, removed with everything in it when it dies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace efs::test_support {

class TempDir {
 public:
  // Aborts the test program when no directory can be made: nothing could be tested then.
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }
  // "<directory>/<name>"
  std::string at(std::string_view name) const;
  // Writes a file into the directory, mode 0600, and returns its path.
  std::string write(std::string_view name, std::string_view content) const;
  // Names of all entries (not "." and ".."), sorted: for "nothing was left behind".
  std::vector<std::string> entries() const;

 private:
  std::string path_;
};

// The whole content of a file; aborts the test program when it cannot be read.
std::string contentOf(const std::string& path);

}  // namespace efs::test_support
