// Any text as an option list: what is written is read back the same, and sorting loses no word.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "efs/mounts/mount_options.h"

using efs::mounts::OptionList;

namespace {

std::size_t wordCount(const std::string& text) { return OptionList::parse(text).all().size(); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto list = OptionList::parse({reinterpret_cast<const char*>(data), size});
  if (OptionList::parse(list.text()).all() != list.all()) std::abort();
  if (const auto sorted = efs::mounts::sortOptions(list)) {
    const auto count = wordCount(sorted->vfs) + wordCount(sorted->userspace) +
                       wordCount(sorted->helper) + wordCount(sorted->nfs);
    if (count != list.all().size()) std::abort();
  }
  efs::mounts::addNfsDefaults(list, 20049);
  if (list.value("port") != "20049") std::abort();
  return 0;
}
