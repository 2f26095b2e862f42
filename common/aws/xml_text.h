// The little that is needed of the XML of AWS's query APIs: elements without attributes, found by
// name, never nested in themselves.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace efs::aws {

// What stands between the first <name> and the </name> behind it; `text` behind the element is left
// in `rest`, if given. nullopt when there is no such element or it does not end.
std::optional<std::string_view> xmlElement(std::string_view text, std::string_view name,
                                           std::string_view* rest = nullptr);
// The same with the five predefined entities replaced.
std::optional<std::string> xmlText(std::string_view text, std::string_view name);

}  // namespace efs::aws
