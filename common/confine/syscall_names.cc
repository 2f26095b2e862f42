#include <sys/syscall.h>

#include <string>

#include "parts.h"

namespace efs::confine {
namespace {

struct Row {
  int number;
  const char* name;
};
constexpr Row kRows[] = {
#include "syscall_names.inc"
};

}  // namespace

std::string syscallName(int number) {
  for (const Row& row : kRows) {
    if (row.number == number) return row.name;
  }
  return "number " + std::to_string(number);
}

}  // namespace efs::confine
