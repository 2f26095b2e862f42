// The port of NFS (RFC 8881, section 1.4): that of every mount target.
#pragma once

namespace efs {

inline constexpr int kNfsPort = 2049;

}  // namespace efs
