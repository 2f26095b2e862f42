// What OpenSSL gets to read: whole records, however the network cuts them.
#include "record_input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "efs/base/unique_fd.h"

namespace efs::tls {
namespace {

std::string record(std::size_t length, char fill) {
  std::string bytes("\x17\x03\x03", 3);
  bytes += static_cast<char>(length >> 8U);
  bytes += static_cast<char>(length & 0xFFU);
  return bytes + std::string(length, fill);
}

std::size_t whole(const std::string& bytes) {
  return wholeRecords(std::as_bytes(std::span(bytes)));
}

TEST(WholeRecords, AreCountedUpToTheFirstThatIsNotComplete) {
  const std::string two = record(100, 'a') + record(0, 'b');
  EXPECT_EQ(whole(""), 0U);
  EXPECT_EQ(whole(two), two.size());
  for (std::size_t cut = 0; cut < 105; ++cut) EXPECT_EQ(whole(two.substr(0, cut)), 0U) << cut;
  for (std::size_t cut = 105; cut < 110; ++cut) EXPECT_EQ(whole(two.substr(0, cut)), 105U) << cut;
}

TEST(WholeRecords, ALengthBeyondAnyRecordIsForOpenSslToJudge) {
  EXPECT_EQ(whole(record(kMostRecord - 5, 'x')), kMostRecord);
  const std::string longer = record(10, 'x') + std::string("\x17\x03\x03\xff\xff", 5);
  EXPECT_EQ(whole(longer), longer.size());
}

TEST(WholeRecords, WhatIsNoTlsIsForOpenSslToJudgeAtOnce) {
  for (const std::string& text :
       std::vector<std::string>{"220 h", "GET / HTTP/1.1", "\x17\x02\x03\x01\x01"})
    EXPECT_EQ(whole(text), text.size());
  EXPECT_EQ(whole(record(10, 'x') + "220 hello"), 15U + 9U);
}

class RecordInputTest : public testing::Test {
 protected:
  RecordInputTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    mine_ = UniqueFd(ends[0]);
    peer_ = UniqueFd(ends[1]);
    input_.emplace(mine_.get(), readiness_);
  }
  void arrives(const std::string& bytes) {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    readiness_.told(EPOLLIN);
  }
  // "-" is nothing yet.
  std::string read(std::size_t room = std::size_t{128} << 10U) {
    std::vector<std::byte> into(room);
    const ssize_t got = input_->read(into);
    if (got == 0) return "end";
    if (got < 0) return errno == EAGAIN ? "-" : "error " + std::to_string(errno);
    return {reinterpret_cast<const char*>(into.data()), static_cast<std::size_t>(got)};
  }
  UniqueFd mine_;
  UniqueFd peer_;
  io::Readiness readiness_;
  std::optional<RecordInput> input_;
};

TEST_F(RecordInputTest, GivesWholeRecordsWhereverTheStreamIsCut) {
  const std::string all = record(300, 'a') + record(1, 'b') + record(16384, 'c');
  for (std::size_t step : {1U, 4U, 5U, 6U, 304U, 305U, 306U, 4096U}) {
    std::string got;
    for (std::size_t at = 0; at < all.size(); at += step) {
      arrives(all.substr(at, step));
      const std::string part = read();
      if (part == "-") continue;
      EXPECT_EQ(whole(part), part.size()) << "a piece of a record, step " << step;
      got += part;
    }
    EXPECT_EQ(got, all) << step;
    EXPECT_EQ(read(), "-");
  }
}

// A read that brought less than the buffer takes has emptied the socket.
TEST_F(RecordInputTest, ReadsOncePerEdge) {
  arrives(record(10, 'a') + record(1000, 'b').substr(0, 500));
  EXPECT_EQ(read(), record(10, 'a'));
  ASSERT_EQ(::send(peer_.get(), record(1000, 'b').data() + 500, 505, 0), 505);
  EXPECT_EQ(read(), "-") << "the socket was asked before the next edge";
  readiness_.told(EPOLLIN);
  EXPECT_EQ(read(), record(1000, 'b'));
}

// OpenSSL tells a torn connection from one that ended in good order by the piece that is left.
TEST_F(RecordInputTest, GivesAPieceOfARecordAtTheEndOnly) {
  const std::string torn = record(1000, 'a').substr(0, 700);
  arrives(torn);
  EXPECT_EQ(read(), "-");
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  readiness_.told(EPOLLIN | EPOLLRDHUP);
  EXPECT_EQ(read(), torn);
  EXPECT_EQ(read(), "end");
  EXPECT_TRUE(input_->ended());
}

TEST_F(RecordInputTest, GivesAnyBytesWhereTheRoomIsTooSmallForARecord) {
  arrives(record(1000, 'a').substr(0, 700));
  EXPECT_EQ(read(), "-");
  EXPECT_EQ(read(3), record(1000, 'a').substr(0, 3));
  EXPECT_EQ(read(2000), record(1000, 'a').substr(3, 697));
}

}  // namespace
}  // namespace efs::tls
