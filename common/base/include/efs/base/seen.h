// What a look gave: yes, no, or no answer. Who takes "no answer" for "no" ends what is in use.
#pragma once

namespace efs {

enum class Seen { kNo, kYes, kUnknown };

constexpr Seen toSeen(bool yes) { return yes ? Seen::kYes : Seen::kNo; }

}  // namespace efs
