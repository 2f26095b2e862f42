// Small text helpers that the standard library of C++20 lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace efs {

// Fields between separators; "a,,b" gives three, "" gives one empty field.
std::vector<std::string> split(std::string_view text, char separator);
// Without blanks, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);
std::string toLower(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// Every occurrence of `from` (not empty) becomes `to`.
std::string replaceAll(std::string text, std::string_view from, std::string_view to);
// Plain decimal with an optional minus, nothing around it; nullopt also when out of range.
std::optional<std::int64_t> parseInt(std::string_view text);
// Lower-case hexadecimal.
std::string hex(std::string_view bytes);
// FNV-1a, 64 bits, as 16 hexadecimal digits: a short name for a long one, the same on every machine
// and in every version. Not for security.
std::string shortName(std::string_view text);
// ASCII's control characters: what would spoil a line of a file, a log or a header.
constexpr bool isControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
// Bytes that would spoil a one-line message (control characters, invalid) become '?'; long text is
// cut after `limit` bytes with "...". For text that came from outside.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace efs
