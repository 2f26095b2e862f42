// Where a URL's user, host and port stand. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace efs {

// Behind "scheme://"; 0 where what stands before the first "://" is no scheme (RFC 3986, 3.1): a
// password may contain "://", too.
std::size_t authorityStart(std::string_view url);

}  // namespace efs
