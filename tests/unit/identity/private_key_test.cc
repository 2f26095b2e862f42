// CERT-9, ST-6
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/subprocess.h"
#include "efs/identity/client_certificate.h"
#include "efs/test_support/fake_clock.h"

namespace efs::identity {
namespace {

class PrivateKey : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "private-key-XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/etc/privateKey.pem";
    lock_ = directory_ + "/efs-utils-lock";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Result<crypto::RsaKey> load() { return loadOrCreatePrivateKey(path_, lock_, clock_); }
  mode_t mode() const {
    struct stat info {};
    EXPECT_EQ(::stat(path_.c_str(), &info), 0);
    return info.st_mode & 07777U;
  }

  std::string directory_, path_, lock_;
  const test_support::FakeClock clock_;
};

TEST_F(PrivateKey, IsMadeOnceAndReused) {
  const auto first = load();
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(mode(), 0400U);
  const auto text = readFile(path_);
  const auto second = load();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->publicKeySha1(), first->publicKeySha1());
  EXPECT_EQ(readFile(path_).value(), text.value());
  // RSA-3072 in PKCS#8 is 2.4 to 2.5 KiB of PEM.
  EXPECT_GT(text->size(), 2400U);
  EXPECT_LT(text->size(), 2600U);
}

TEST_F(PrivateKey, ReplacesAnEmptyFile) {
  ASSERT_TRUE(makeDirectories(directory_ + "/etc", 0755));
  ASSERT_TRUE(writeFileAtomic(path_, "", {.mode = 0644}));
  ASSERT_TRUE(load());
  EXPECT_EQ(mode(), 0400U);
}

// CSI-7: /etc/amazon/efs is a symbolic link to a place on the host that outlives the pod.
TEST_F(PrivateKey, IsKeptWhereALinkedDirectoryLeads) {
  ASSERT_TRUE(makeDirectories(directory_ + "/host", 0755));
  std::filesystem::create_directory_symlink(directory_ + "/host", directory_ + "/etc");
  const auto first = load();
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_TRUE(std::filesystem::is_symlink(directory_ + "/etc"));
  EXPECT_TRUE(std::filesystem::is_regular_file(directory_ + "/host/privateKey.pem"));
  // The next pod: a new link to the same place.
  std::filesystem::remove(directory_ + "/etc");
  std::filesystem::create_directory_symlink(directory_ + "/host", directory_ + "/etc");
  const auto second = load();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->publicKeySha1(), first->publicKeySha1());
}

// A key that others can read is used, and told each time; one that is closed is not worth a word.
TEST_F(PrivateKey, TellsThatOthersCanReadIt) {
  const std::string log = directory_ + "/log";
  ASSERT_TRUE(load());
  ASSERT_TRUE(log::open({.path = log}));
  ASSERT_TRUE(load());
  EXPECT_EQ(readFile(log).value().find("is accessible to other users"), std::string::npos);
  ASSERT_EQ(::chmod(path_.c_str(), 0440), 0);
  ASSERT_TRUE(load());
  log::setLevel(log::Level::kOff);
  const std::string told = readFile(log).value();
  EXPECT_NE(told.find("private key " + path_ + " is accessible to other users (mode 0440)"),
            std::string::npos)
      << told;
}

TEST_F(PrivateKey, NeverOverwritesWhatItCannotRead) {
  ASSERT_TRUE(makeDirectories(directory_ + "/etc", 0755));
  ASSERT_TRUE(writeFileAtomic(path_, "garbage"));
  const auto key = load();
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message().find("private key " + path_ + ": "), std::string::npos);
  EXPECT_FALSE(key.error().hint().empty());
  EXPECT_EQ(readFile(path_).value(), "garbage");
}

TEST_F(PrivateKey, ReadingAnExistingKeyNeedsNoLock) {
  const auto first = load();
  ASSERT_TRUE(first);
  const auto held = FileLock::tryAcquire(lock_);
  ASSERT_TRUE(held);
  EXPECT_TRUE(load());
}

TEST_F(PrivateKey, TellsWhyItCannotBeWritten) {
  ASSERT_TRUE(writeFileAtomic(directory_ + "/etc", "a file in the place of the directory"));
  const auto key = load();
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message().find(path_), std::string::npos) << key.error().message();
}

// Processes that race for a missing key must all end with the same one.
class RacingForThePrivateKey : public PrivateKey {
 protected:
  void race(bool own_locks);
};

void RacingForThePrivateKey::race(bool own_locks) {
  constexpr int kProcesses = 4;
  auto gate = makePipe();
  ASSERT_TRUE(gate);
  std::vector<Subprocess> children;
  for (int i = 0; i < kProcesses; ++i) {
    auto child = Subprocess::fork([&, i] {
      gate->write_end.reset();
      char byte = 0;
      (void)!::read(gate->read_end.get(), &byte, 1);  // ends for all at once
      if (own_locks) lock_ += std::to_string(i);
      const auto key = load();
      if (!key) return 1;
      return writeFileAtomic(directory_ + "/hash" + std::to_string(i), key->publicKeySha1()) ? 0
                                                                                             : 1;
    });
    ASSERT_TRUE(child) << child.error().describe();
    children.push_back(std::move(*child));
  }
  gate->write_end.reset();
  for (auto& child : children) {
    const auto ended = child.wait(Duration(60000));
    ASSERT_TRUE(ended && *ended);
    EXPECT_EQ((*ended)->code, 0);
  }
  const auto final_key = load();
  ASSERT_TRUE(final_key);
  for (int i = 0; i < kProcesses; ++i) {
    EXPECT_EQ(readFile(directory_ + "/hash" + std::to_string(i)).value(),
              final_key->publicKeySha1());
  }
}

TEST_F(RacingForThePrivateKey, AllGetTheSame) { race(false); }

// Host and container: one directory of keys, a state directory with its locks each.
TEST_F(RacingForThePrivateKey, AllWithLocksOfTheirOwnGetTheSame) { race(true); }

TEST_F(RacingForThePrivateKey, AnEmptyFileStaysNobodys) {
  std::filesystem::create_directories(directory_ + "/etc");
  ASSERT_TRUE(writeFileAtomic(path_, "", {.mode = 0400}));
  race(false);
}

}  // namespace
}  // namespace efs::identity
