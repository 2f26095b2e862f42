#include "efs/tls_tunnel/address_book.h"

#include <gtest/gtest.h>

namespace efs::tls_tunnel {
namespace {

std::vector<net::Endpoint> endpoints(const std::vector<std::string>& addresses) {
  std::vector<net::Endpoint> all;
  for (const auto& address : addresses) all.push_back(*net::Endpoint::fromLiteral(address, 2049));
  return all;
}

std::vector<std::string> texts(const std::vector<net::Endpoint>& all) {
  std::vector<std::string> addresses;
  for (const auto& endpoint : all) addresses.push_back(endpoint.ip());
  return addresses;
}

// RFC 8305 section 4
TEST(AddressBook, FamiliesTakeTurnsBeginningWithTheFirst) {
  EXPECT_EQ(texts(interleaveFamilies(endpoints({"fd00::1", "fd00::2", "10.0.0.1"}), 16)),
            std::vector<std::string>({"fd00::1", "10.0.0.1", "fd00::2"}));
  EXPECT_EQ(texts(interleaveFamilies(endpoints({"10.0.0.1", "10.0.0.2"}), 16)),
            std::vector<std::string>({"10.0.0.1", "10.0.0.2"}));
  EXPECT_TRUE(interleaveFamilies({}, 16).empty());
}

// RFC 8305 section 4: the winner of last time
TEST(AddressBook, WhatConnectedLastTimeComesFirst) {
  const auto all = endpoints({"fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2"});
  const auto order = [&](const char* winner) {
    return texts(winnerFirst(all, net::Endpoint::fromLiteral(winner, 2049)));
  };
  EXPECT_EQ(order("10.0.0.2"),
            std::vector<std::string>({"10.0.0.2", "10.0.0.1", "fd00::1", "fd00::2"}));
  EXPECT_EQ(order("10.0.0.9"),
            std::vector<std::string>({"10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"}));
  EXPECT_EQ(texts(winnerFirst(all, std::nullopt)), texts(all));
  EXPECT_TRUE(winnerFirst({}, all[0]).empty());
}

TEST(AddressBook, TakesNoMoreAddressesThanTheLimit) {
  EXPECT_EQ(interleaveFamilies(endpoints({"10.0.0.1", "10.0.0.2", "fd00::1"}), 2).size(), 2U);
}

class AddressBookTest : public testing::Test {
 protected:
  static net::Endpoint at(const char* ip) { return *net::Endpoint::fromLiteral(ip, 2049); }
  std::vector<std::string> order(const std::vector<std::string>& addresses,
                                 Duration later = Duration{0}, std::size_t limit = 16) const {
    return texts(book_.order(endpoints(addresses), start_ + later, limit));
  }
  using Texts = std::vector<std::string>;

  AddressBook book_;
  MonoTime start_{std::chrono::hours(1)};
};

TEST_F(AddressBookTest, KnowsNothingAtFirst) {
  EXPECT_EQ(order({"10.0.0.1", "10.0.0.2"}), Texts({"10.0.0.1", "10.0.0.2"}));
  EXPECT_FALSE(book_.lastGood());
  EXPECT_TRUE(order({}).empty());
}

TEST_F(AddressBookTest, OneThatFailedGoesLastForMinutes) {
  book_.failed(at("10.0.0.1"), start_);
  EXPECT_EQ(order({"10.0.0.1", "10.0.0.2"}), Texts({"10.0.0.2", "10.0.0.1"}));
  EXPECT_EQ(order({"10.0.0.1", "10.0.0.2"}, AddressBook::kPenalty - Duration{1}),
            Texts({"10.0.0.2", "10.0.0.1"}));
  EXPECT_EQ(order({"10.0.0.1", "10.0.0.2"}, AddressBook::kPenalty),
            Texts({"10.0.0.1", "10.0.0.2"}));
}

TEST_F(AddressBookTest, WhenAllFailedTheyTakeTurns) {
  book_.failed(at("10.0.0.1"), start_);
  book_.failed(at("10.0.0.2"), start_ + Duration{1});
  EXPECT_EQ(order({"10.0.0.2", "10.0.0.1"}, Duration{2}), Texts({"10.0.0.1", "10.0.0.2"}));
  book_.failed(at("10.0.0.1"), start_ + Duration{2});
  EXPECT_EQ(order({"10.0.0.2", "10.0.0.1"}, Duration{3}), Texts({"10.0.0.2", "10.0.0.1"}));
}

TEST_F(AddressBookTest, ServingForgivesAndComesFirst) {
  book_.failed(at("10.0.0.2"), start_);
  book_.served(at("10.0.0.2"));
  EXPECT_EQ(order({"10.0.0.1", "10.0.0.2"}), Texts({"10.0.0.2", "10.0.0.1"}));
  EXPECT_EQ(book_.lastGood()->ip(), "10.0.0.2");
  // It served, and then it did not: it is known, and goes last.
  book_.failed(at("10.0.0.2"), start_);
  EXPECT_EQ(order({"10.0.0.2", "10.0.0.1"}), Texts({"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(book_.lastGood()->ip(), "10.0.0.2");
}

TEST_F(AddressBookTest, AFreshAddressOfTheOtherFamilyComesBeforeOneThatFailed) {
  book_.served(at("fd00::1"));
  book_.failed(at("fd00::2"), start_);
  EXPECT_EQ(order({"fd00::2", "10.0.0.1"}), Texts({"10.0.0.1", "fd00::2"}));
}

TEST_F(AddressBookTest, TheLimitCutsThoseThatFailed) {
  book_.failed(at("10.0.0.1"), start_);
  EXPECT_EQ(order({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, Duration{0}, 2),
            Texts({"10.0.0.2", "10.0.0.3"}));
}

TEST_F(AddressBookTest, RemembersNoMoreThanItMust) {
  for (int i = 0; i < 1000; ++i)
    book_.failed(at(("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str()),
                 start_);
  EXPECT_EQ(order({"10.0.0.1", "10.0.3.249"}), Texts({"10.0.0.1", "10.0.3.249"}));
}

TEST(EndpointOf, IsWhatEndpointsSayOfThemselves) {
  for (const char* text : {"10.0.0.5:2049", "[fd00::1]:2049"}) {
    const auto endpoint = endpointOf(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->text(), text);
  }
  for (const char* text : {"", ":", "10.0.0.5", "10.0.0.5:", "10.0.0.5:0", "10.0.0.5:65536",
                           "10.0.0.5:-1", "name:2049", "[]:1", "[:1"}) {
    EXPECT_FALSE(endpointOf(text)) << text;
  }
}

}  // namespace
}  // namespace efs::tls_tunnel
