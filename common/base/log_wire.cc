#include "efs/base/log_wire.h"

#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "efs/base/byte_cursor.h"

namespace efs::log {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint32_t kMaxFiles = 1000000;

void putNumber(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>((value >> static_cast<unsigned>(shift)) & 0xFFU);
}

Error malformed(const char* what) {
  return {ErrorKind::kProtocol, std::string("log datagram: ") + what};
}

bool startsWith(ByteCursor& cursor, char type) {
  const auto got = cursor.readU8();
  const auto version = cursor.readU8();
  return got == static_cast<std::uint8_t>(type) && version == kVersion;
}

bool isPath(std::string_view path) {
  return !path.empty() && path.size() < PATH_MAX && path.front() == '/' &&
         path.find('\0') == std::string_view::npos;
}

bool isLine(std::string_view line) { return line.size() > 1 && line.find('\n') == line.size() - 1; }

}  // namespace

std::string LineMessage::encode() const {
  std::string out = "L";
  putNumber(out, kVersion, 1);
  putNumber(out, place.form == Form::kTunnel ? 1 : 0, 1);
  putNumber(out, place.max_bytes, 8);
  putNumber(out, static_cast<std::uint64_t>(place.file_count < 0 ? 0 : place.file_count), 4);
  putNumber(out, place.path.size(), 2);
  return out + place.path + line;
}

Result<LineMessage> LineMessage::decode(std::string_view bytes) {
  ByteCursor cursor(bytes);
  if (bytes.size() > kMaxLogDatagram || !startsWith(cursor, 'L')) return malformed("no line");
  const auto form = cursor.readU8();
  const auto max_bytes = cursor.readU64();
  const auto file_count = cursor.readU32();
  const auto length = cursor.readU16();
  if (!form || *form > 1 || !max_bytes || !file_count || *file_count > kMaxFiles || !length)
    return malformed("bad header");
  const auto path = cursor.readBytes(*length);
  if (!path || !isPath(*path)) return malformed("bad path");
  const auto line = cursor.readBytes(cursor.left());
  if (!line || !isLine(*line)) return malformed("not one line");
  return LineMessage{{std::string(*path), *form == 1 ? Form::kTunnel : Form::kHelper,
                      static_cast<std::size_t>(*max_bytes), static_cast<int>(*file_count)},
                     std::string(*line)};
}

std::string LineAck::encode() const {
  std::string out = "A";
  putNumber(out, kVersion, 1);
  putNumber(out, handled, 8);
  return out + failure;
}

Result<LineAck> LineAck::decode(std::string_view bytes) {
  ByteCursor cursor(bytes);
  if (bytes.size() > kMaxLogDatagram || !startsWith(cursor, 'A')) return malformed("no ack");
  const auto handled = cursor.readU64();
  if (!handled) return malformed("short ack");
  return LineAck{*handled, std::string(*cursor.readBytes(cursor.left()))};
}

std::string writerSocket(const std::string& state_dir) { return state_dir + "/log.sock"; }
std::string writerLock(const std::string& state_dir) { return state_dir + "/log-writer.lock"; }
std::string rotationLock(const std::string& state_dir) { return state_dir + "/log-rotation.lock"; }

std::optional<pid_t> trustedPeer(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  if (peer.uid != 0 && peer.uid != ::geteuid()) return std::nullopt;
  return peer.pid;
}

}  // namespace efs::log
