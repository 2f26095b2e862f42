#include "efs/tunnel_control/watchdog_link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <thread>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs::tunnel_control {
namespace {

constexpr Duration kPatience{10000};
constexpr const char* kName = "fs-1.mnt.20049";

UniqueFd makeTcp(bool listening) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(listening ? ::listen(fd.get(), 1) : 0, 0);
  return fd;
}

ino_t inodeOf(int fd) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return info.st_ino;
}

std::size_t openDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

bool waitFor(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(kPatience.count())) == 1;
}

class WatchdogLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = listenForHelpers(path_);
    ASSERT_TRUE(listener.has_value()) << listener.error().message();
    listener_ = std::move(*listener);
  }
  // A client that speaks by hand.
  UniqueFd connectRaw() const {
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  UniqueFd accepted() const {
    EXPECT_TRUE(waitFor(listener_.get()));
    auto connection = acceptHelper(listener_.get());
    EXPECT_TRUE(connection.has_value());
    return connection ? std::move(*connection) : UniqueFd();
  }
  // What the server makes of one raw packet with copies of `fd`.
  Result<ReceivedRequest> received(const std::string& packet, int fd, std::size_t copies) const {
    const UniqueFd client = connectRaw();
    sendRaw(client.get(), packet, fd, copies);
    const UniqueFd connection = accepted();
    return receiveRequest(connection.get());
  }
  static void sendRaw(int socket, const std::string& packet, int fd, std::size_t copies) {
    std::array<int, 16> numbers{};
    numbers.fill(fd);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof numbers)> control{};
    iovec part{const_cast<char*>(packet.data()), packet.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (copies != 0) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(sizeof(int) * copies);
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int) * copies);
      std::memcpy(CMSG_DATA(rights), numbers.data(), sizeof(int) * copies);
    }
    EXPECT_EQ(::sendmsg(socket, &header, MSG_NOSIGNAL), static_cast<ssize_t>(packet.size()));
  }

  test_support::TempDir dir_;
  std::string path_ = dir_.at("watchdog.sock");
  UniqueFd listener_;
};

TEST_F(WatchdogLinkTest, HandsAListenerOver) {
  const UniqueFd tcp = makeTcp(true);
  std::thread watchdog([&] {
    const UniqueFd connection = accepted();
    ASSERT_TRUE(waitFor(connection.get()));
    auto request = receiveRequest(connection.get());
    ASSERT_TRUE(request.has_value()) << request.error().message();
    EXPECT_EQ(request->request.op, WatchdogRequest::Op::kListener);
    EXPECT_EQ(request->request.name, kName);
    EXPECT_EQ(inodeOf(request->descriptor.get()), inodeOf(tcp.get()));
    EXPECT_NE(::fcntl(request->descriptor.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_TRUE(sendReply(connection.get(), {.ok = true, .error = "", .pid = {}}).has_value());
  });
  const auto reply = askWatchdog(path_, {WatchdogRequest::Op::kListener, kName}, &tcp, kPatience);
  watchdog.join();
  ASSERT_TRUE(reply.has_value()) << reply.error().message();
  EXPECT_TRUE(reply->ok);
}

TEST_F(WatchdogLinkTest, AnswersAPing) {
  std::thread watchdog([&] {
    const UniqueFd connection = accepted();
    ASSERT_TRUE(waitFor(connection.get()));
    const auto request = receiveRequest(connection.get());
    ASSERT_TRUE(request.has_value());
    EXPECT_FALSE(request->descriptor.valid());
    EXPECT_TRUE(sendReply(connection.get(), {.ok = true, .error = "", .pid = 123}).has_value());
  });
  const auto reply = askWatchdog(path_, {}, nullptr, kPatience);
  watchdog.join();
  ASSERT_TRUE(reply.has_value()) << reply.error().message();
  EXPECT_EQ(reply->pid, 123);
}

TEST_F(WatchdogLinkTest, CreatesASocketForItsOwnerOnly) {
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(WatchdogLinkTest, ReplacesADeadOwnersSocketButNothingElse) {
  listener_.reset();
  EXPECT_EQ(askWatchdog(path_, {}, nullptr, kPatience).error().kind(), ErrorKind::kRefused);
  EXPECT_TRUE(listenForHelpers(path_).has_value());
  const std::string file = dir_.write("file", "keep");
  EXPECT_FALSE(listenForHelpers(file).has_value());
  EXPECT_EQ(test_support::contentOf(file), "keep");
}

TEST_F(WatchdogLinkTest, SaysThatNobodyListens) {
  EXPECT_EQ(askWatchdog(dir_.at("absent"), {}, nullptr, kPatience).error().kind(),
            ErrorKind::kNotFound);
  EXPECT_EQ(askWatchdog(std::string(200, 'x'), {}, nullptr, kPatience).error().kind(),
            ErrorKind::kInvalidInput);
}

TEST_F(WatchdogLinkTest, GivesUpOnASilentWatchdog) {
  EXPECT_EQ(askWatchdog(path_, {}, nullptr, Duration(20)).error().kind(), ErrorKind::kTimeout);
}

TEST_F(WatchdogLinkTest, NeverBlocksTheServer) {
  EXPECT_EQ(acceptHelper(listener_.get()).error().kind(), ErrorKind::kBusy);
  const UniqueFd client = connectRaw();
  const UniqueFd connection = accepted();
  EXPECT_EQ(receiveRequest(connection.get()).error().kind(), ErrorKind::kBusy);
}

TEST_F(WatchdogLinkTest, ReportsAHelperThatWentAway) {
  UniqueFd client = connectRaw();
  const UniqueFd connection = accepted();
  client.reset();
  EXPECT_EQ(receiveRequest(connection.get()).error().kind(), ErrorKind::kReset);
  EXPECT_FALSE(sendReply(connection.get(), {}).has_value()) << "and no SIGPIPE";
}

TEST_F(WatchdogLinkTest, ClosesEveryDescriptorOfARefusedRequest) {
  const UniqueFd tcp = makeTcp(true);
  const UniqueFd idle = makeTcp(false);
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string listener = WatchdogRequest{WatchdogRequest::Op::kListener, kName}.encode();
  const std::string ping = WatchdogRequest{}.encode();
  const std::size_t before = openDescriptors();
  EXPECT_TRUE(received(listener, tcp.get(), 1).has_value());
  EXPECT_FALSE(received(listener, -1, 0).has_value());
  EXPECT_FALSE(received(listener, tcp.get(), 2).has_value());
  EXPECT_FALSE(received(listener, tcp.get(), 16).has_value()) << "more than the buffer holds";
  EXPECT_FALSE(received(listener, idle.get(), 1).has_value()) << "does not listen";
  EXPECT_FALSE(received(listener, file.get(), 1).has_value()) << "no socket";
  EXPECT_FALSE(received(ping, tcp.get(), 1).has_value());
  EXPECT_FALSE(received("nonsense", tcp.get(), 8).has_value());
  EXPECT_FALSE(received(ping + std::string(kMaxMessage, ' '), tcp.get(), 1).has_value());
  EXPECT_EQ(openDescriptors(), before);
}

TEST(WatchdogRequest, RefusesMalformedMessages) {
  for (const char* text :
       {"", "null", "[]", "{}", R"({"v":2,"op":"ping"})", R"({"v":"1","op":"ping"})", R"({"v":1})",
        R"({"v":1,"op":"reboot"})", R"({"v":1,"op":7})", R"({"v":1,"op":"listener"})",
        R"({"v":1,"op":"listener","name":"../etc"})", R"({"v":1,"op":"ping"} x)"}) {
    EXPECT_FALSE(WatchdogRequest::decode(text).has_value()) << text;
  }
  EXPECT_FALSE(WatchdogRequest::decode(std::string(4000, '[')).has_value());
  EXPECT_TRUE(WatchdogRequest::decode(R"({"v":1,"op":"ping","later":{}})").has_value());
}

TEST(WatchdogReply, GoesThereAndBack) {
  const auto refusal = WatchdogReply::decode(WatchdogReply{false, "no \"such\"\n", {}}.encode());
  ASSERT_TRUE(refusal.has_value());
  EXPECT_FALSE(refusal->ok);
  EXPECT_EQ(refusal->error, "no \"such\"\n");
  EXPECT_LE((WatchdogReply{false, std::string(100000, '\x01'), 1}.encode().size()), kMaxMessage);
  for (const char* text : {R"({"v":1})", R"({"v":1,"ok":1})", R"({"v":1,"ok":true,"pid":-1})",
                           R"({"v":1,"ok":true,"pid":4294967296})"}) {
    EXPECT_FALSE(WatchdogReply::decode(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace efs::tunnel_control
