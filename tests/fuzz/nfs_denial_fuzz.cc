// Any byte stream in any pieces: without a denial the filter is transparent; with one it never
// breaks and never makes a record longer.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nfs_denial.h"

using efs::simulator::DenialFilter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  DenialFilter open({[] { return false; }, true, true}, [] {});
  std::string out;
  if (!open.calls().feed(bytes.substr(0, half), out)) std::abort();
  if (!open.calls().feed(bytes.substr(half), out)) std::abort();
  // Up to three bytes of an unfinished record mark may still be inside.
  if (out.size() + 3 < size || bytes.substr(0, out.size()) != out) std::abort();

  DenialFilter denied({[] { return true; }, true, true}, [] {});
  std::string calls;
  std::string replies;
  if (denied.calls().feed(bytes, calls) && calls.size() > size) std::abort();
  if (denied.replies().feed(bytes, replies) && replies.size() > size) std::abort();
  return 0;
}
