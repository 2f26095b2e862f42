#include "efs/base/version.h"

namespace efs {

std::string_view productVersion() { return EFS_PRODUCT_VERSION; }

}  // namespace efs
