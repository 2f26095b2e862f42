// The little XML that STS answers: elements by name and their text. AWS writes it without
// attributes but one, CDATA and comments; what answers in its place may not, see plainXml().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/secret.h"

namespace efs::aws {

// A document with nothing in it but <name>, </name> and text: no namespaces, attributes, comments,
// processing instructions, CDATA and empty tags. nullopt where it is not well-formed, has a
// document type, or is nested more than 32 deep.
std::optional<Secret> plainXml(std::string_view text);

// What stands between the first <name ...> and the </name> behind it; nullopt when either is
// missing. An element inside one of the same name is not looked for.
std::optional<std::string_view> xmlElement(std::string_view text, std::string_view name);

// The text of that element, blanks at its ends removed, the five entities of XML 1.0 (section 4.6)
// and the numbers of ASCII characters resolved; nullopt when it is missing, contains other elements
// or another entity.
std::optional<std::string> xmlText(std::string_view text, std::string_view name);

}  // namespace efs::aws
