// _dl_find_object(3) for programs with EFS_STATIC_RUNTIME (cmake/Toolchain.cmake): GCC 12's
// unwinder finds the tables of exceptions with it, and glibc has it only since 2.35. What it tells
// is found with dl_iterate_phdr(3), as the unwinder did before. Exceptions are rare (third-party
// parsers), so that it is slower does not matter.
#include <dlfcn.h>
#include <link.h>

#ifdef DLFO_STRUCT_HAS_EH_DBASE

#  include <cstdint>

namespace {

struct Search {
  std::uintptr_t address;
  dl_find_object* found;
  bool done;
};

// The dynamic linker tells addresses as numbers.
void* pointerTo(std::uintptr_t address) {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

// One loaded object: is the address in it, and where are its tables?
int lookInto(dl_phdr_info* object, std::size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  std::uintptr_t start = UINTPTR_MAX;
  std::uintptr_t end = 0;
  void* tables = nullptr;
  bool inside = false;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& header = object->dlpi_phdr[i];
    const std::uintptr_t from = object->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_GNU_EH_FRAME) tables = pointerTo(from);
    if (header.p_type != PT_LOAD) continue;
    const std::uintptr_t to = from + header.p_memsz;
    inside = inside || (search.address >= from && search.address < to);
    start = from < start ? from : start;
    end = to > end ? to : end;
  }
  if (!inside) return 0;
  search.found->dlfo_map_start = pointerTo(start);
  search.found->dlfo_map_end = pointerTo(end);
  search.found->dlfo_eh_frame = tables;
  search.done = tables != nullptr;
  return 1;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the name that ld's --wrap asks for
extern "C" int __wrap__dl_find_object(void* address, dl_find_object* found);

int __wrap__dl_find_object(void* address, dl_find_object* found) {
  *found = {};
  Search search{reinterpret_cast<std::uintptr_t>(address), found, false};
  ::dl_iterate_phdr(lookInto, &search);
  return search.done ? 0 : -1;
}
// NOLINTEND(bugprone-reserved-identifier)

#endif
