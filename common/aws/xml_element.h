// The little XML that STS answers: elements by name and their text. Not a parser of XML:
// namespaces, CDATA and comments are not known, and AWS does not use them in these answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace efs::aws {

// What stands between the first <name ...> and the </name> behind it; nullopt when either is
// missing. An element inside one of the same name is not looked for.
std::optional<std::string_view> xmlElement(std::string_view text, std::string_view name);

// The text of that element, blanks at its ends removed, the five entities of XML 1.0 (section 4.6)
// resolved; nullopt when it is missing, contains other elements or another entity.
std::optional<std::string> xmlText(std::string_view text, std::string_view name);

}  // namespace efs::aws
