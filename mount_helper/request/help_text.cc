#include "request/help_text.h"

#include <fmt/core.h>

#include "request/command_line.h"
#include "request/option_table.h"

namespace efs::mount_helper {
namespace {

std::string helpLine(const OptionRow& row) {
  std::string line = fmt::format("  {:<28}{}", optionSyntax(row), row.help);
  if (!row.needs.name.empty()) line.append("; needs ").append(row.needs.name);
  if (!row.excludes.name.empty()) line.append("; not with ").append(row.excludes.name);
  return line + "\n";
}

}  // namespace

std::string helpText(const std::string& program) {
  const FileSystemKind kind = kindOfHelper(program);
  std::string served;
  std::string refused;
  for (const OptionRow& row : optionTable()) {
    (row.serviceFor(kind) == Service::kRefused ? refused : served) += helpLine(row);
  }
  return usageText(program) + "\nOptions of " + std::string(factsOf(kind).type) + ":\n" + served +
         "\nRefused by this version:\n" + refused;
}

}  // namespace efs::mount_helper
