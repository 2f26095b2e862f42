#include "efs/io/byte_ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace efs::io {
namespace {

void put(ByteRing& ring, const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto space = ring.writable();
    ASSERT_FALSE(space.empty());
    const std::size_t part = std::min(space.size(), bytes.size() - done);
    std::memcpy(space.data(), bytes.data() + done, part);
    ring.commit(part);
    done += part;
  }
}

std::string take(ByteRing& ring, std::size_t count) {
  std::string bytes;
  while (bytes.size() < count && !ring.empty()) {
    const auto span = ring.readable();
    const std::size_t part = std::min(span.size(), count - bytes.size());
    bytes.append(reinterpret_cast<const char*>(span.data()), part);
    ring.consume(part);
  }
  return bytes;
}

TEST(ByteRing, KeepsTheOrderOfBytesOverTheWrap) {
  ByteRing ring(8);
  put(ring, "abcdef");
  EXPECT_EQ(take(ring, 4), "abcd");
  put(ring, "ghijkl");
  EXPECT_TRUE(ring.full());
  EXPECT_TRUE(ring.writable().empty());
  EXPECT_EQ(take(ring, 8), "efghijkl");
}

TEST(ByteRing, HoldsNoMemoryBeforeUseAndAfterRelease) {
  ByteRing ring(4096);
  EXPECT_FALSE(ring.holdsMemory());
  put(ring, "x");
  ring.release();
  EXPECT_TRUE(ring.holdsMemory()) << "a ring with bytes in it must keep them";
  EXPECT_EQ(take(ring, 1), "x");
  ring.release();
  EXPECT_FALSE(ring.holdsMemory());
  put(ring, "again");
  EXPECT_EQ(take(ring, 5), "again");
}

TEST(ByteRing, StartsAgainAtItsBeginningWhenItRanEmpty) {
  ByteRing ring(4096);
  const std::byte* first = ring.writable().data();
  put(ring, "abc");
  take(ring, 3);
  EXPECT_EQ(ring.writable().data(), first);
}

// OpenSSL demands that a repeated write offers at least the bytes of the first try.
TEST(ByteRing, ReadablePieceNeverShrinksWhileBytesAreAdded) {
  ByteRing ring(8);
  put(ring, "abcdef");
  take(ring, 4);
  std::size_t before = ring.readable().size();
  for (int i = 0; i < 6; ++i) {
    put(ring, "x");
    EXPECT_GE(ring.readable().size(), before);
    before = ring.readable().size();
  }
}

TEST(ByteRing, GivesBackWhatWentInForRandomSteps) {
  std::mt19937 random(20261120);
  ByteRing ring(97);
  std::string expected;
  unsigned char next = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string more(random() % (ring.capacity() - ring.size() + 1), '\0');
    for (char& c : more) c = static_cast<char>(next++);
    put(ring, more);
    expected += more;
    const std::size_t count = random() % 60;
    const std::string got = take(ring, count);
    ASSERT_EQ(got, expected.substr(0, got.size()));
    expected.erase(0, got.size());
    ASSERT_EQ(ring.size(), expected.size());
  }
}

}  // namespace
}  // namespace efs::io
