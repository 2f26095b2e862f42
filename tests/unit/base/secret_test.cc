#include "efs/base/secret.h"

#include <gtest/gtest.h>

#include <sstream>
#include <type_traits>

namespace efs {
namespace {

TEST(Secret, TakesTheTextAndWipesTheSource) {
  std::string source = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  const char* bytes = source.data();
  const std::size_t size = source.size();
  const Secret secret(std::move(source));
  EXPECT_EQ(secret.reveal(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  // The buffer still belongs to `source`, which wipe() only empties.
  EXPECT_EQ(std::string(bytes, size), std::string(size, '\0'));
}

TEST(Secret, WipesShortTextsToo) {
  std::string source = "short";
  const char* bytes = source.data();
  const Secret secret(std::move(source));
  EXPECT_EQ(std::string(bytes, 5), std::string(5, '\0'));
  EXPECT_FALSE(secret.empty());
}

TEST(Secret, LeavesNothingWhereItMovedFrom) {
  Secret first(std::string_view("text"));
  const Secret second(std::move(first));
  EXPECT_EQ(second.reveal(), "text");
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is the point
  Secret third;
  EXPECT_TRUE(third.empty());
  third = second;
  EXPECT_EQ(third.reveal(), "text");
  third = std::move(third);
  EXPECT_EQ(third.reveal(), "text");
}

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(Secret, CannotBePrintedOrConvertedByAccident) {
  EXPECT_FALSE(Printable<Secret>);
  EXPECT_FALSE((std::is_convertible_v<Secret, std::string>));
  EXPECT_FALSE((std::is_convertible_v<Secret, std::string_view>));
}

}  // namespace
}  // namespace efs
