#include "efs/tls_tunnel/status_pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace efs::tls_tunnel {
namespace {

using tunnel_control::Stage;
using tunnel_control::TunnelStatus;

std::string readSome(int fd) {
  std::array<char, 65536> bytes{};
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

TEST(StatusPipe, WritesOneDecodableLinePerStage) {
  auto pipe = std::move(*makePipe());
  StatusPipe status(std::move(pipe.write_end));
  status.reached(Stage::kConnected, "10.0.0.1:2049");
  status.failed(Stage::kSecured, Error(ErrorKind::kUntrusted, "bad chain"));
  const std::string text = readSome(pipe.read_end.get());
  const auto end = text.find('\n');
  EXPECT_EQ(TunnelStatus::decode(text.substr(0, end))->detail, "10.0.0.1:2049");
  const auto failed = TunnelStatus::decode(text.substr(end + 1, text.size() - end - 2));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failed_stage, Stage::kSecured);
  EXPECT_EQ(failed->kind, ErrorKind::kUntrusted);
}

TEST(StatusPipe, ForgetsAReaderThatIsGone) {
  (void)::signal(SIGPIPE, SIG_IGN);
  auto pipe = std::move(*makePipe());
  StatusPipe status(std::move(pipe.write_end));
  pipe.read_end.reset();
  status.reached(Stage::kListening, "x");
  EXPECT_FALSE(status.open());
  status.reached(Stage::kListening, "x");
}

TEST(StatusPipe, ForgetsAReaderThatDoesNotReadInsteadOfBlocking) {
  auto pipe = std::move(*makePipe());
  StatusPipe status(std::move(pipe.write_end));
  for (int i = 0; i < 100000 && status.open(); ++i) status.reached(Stage::kListening, "x");
  EXPECT_FALSE(status.open());
  const std::string text = readSome(pipe.read_end.get());
  EXPECT_EQ(text.back(), '\n') << "no half line";
}

TEST(StatusPipe, TakesTheDescriptorFromTheEnvironmentAndHidesIt) {
  auto pipe = std::move(*makePipe());
  const std::string number = std::to_string(pipe.write_end.get());
  ::setenv("EFS_STATUS_FD", number.c_str(), 1);
  StatusPipe status = StatusPipe::fromEnvironment();
  EXPECT_TRUE(status.open());
  EXPECT_EQ(std::getenv("EFS_STATUS_FD"), nullptr);
  EXPECT_NE(::fcntl(pipe.write_end.release(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(StatusPipe, IgnoresAnEnvironmentThatNamesNoPipe) {
  for (const char* value : {"", "x", "-1", "0", "2", "1000", "99999999999999999999"}) {
    ::setenv("EFS_STATUS_FD", value, 1);
    EXPECT_FALSE(StatusPipe::fromEnvironment().open()) << value;
  }
}

}  // namespace
}  // namespace efs::tls_tunnel
