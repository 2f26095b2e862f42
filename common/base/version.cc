#include "efs/base/version.h"

namespace efs {

std::string_view productVersion() { return EFS_PRODUCT_VERSION; }

std::string versionLine(std::string_view program) {
  return std::string(program) + " Version: " + std::string(kContractVersion) + " (efsmount " +
         std::string(productVersion()) + ")\n";
}

std::string clientVersion() { return "efsmount-" + std::string(productVersion()); }

}  // namespace efs
