// The read side of a TLS connection: reads from the socket large, straight into OpenSSL's buffer,
// and gives OpenSSL only whole records; the beginning of one that is not complete waits here.
//
// OpenSSL's own way, given half a record, is an exact read of the rest: one more system call, often
// for a few bytes, for each read of its buffer, and a buffer of 128 KiB held meanwhile. Here the
// rest comes with the next large read. TLS itself stays OpenSSL's: only a record's header
// (RFC 8446 section 5.1) is looked at, and what makes no sense is passed on for it to judge.
#pragma once

#include <openssl/bio.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>

#include "efs/io/readiness.h"

namespace efs::tls {

// The longest record of any version (RFC 5246 section 6.2.3) with its header.
inline constexpr std::size_t kMostRecord = 5 + (std::size_t{16} << 10U) + 2048;

// How many bytes at the front are whole records; all of them behind what is no record's header: a
// server that speaks something else is told at once, not when it has sent as much as that "length".
std::size_t wholeRecords(std::span<const std::byte> bytes);

class RecordInput {
 public:
  // Both must outlive the input; `fd` is non-blocking.
  RecordInput(int fd, io::Readiness& readiness) : fd_(fd), readiness_(readiness) {}

  // As read(2): bytes, 0 at the end, -1 with errno, EAGAIN too. Where `into` has no room for a
  // record (OpenSSL never asks so between records) it gets any bytes that are there.
  ssize_t read(std::span<std::byte> into);
  bool ended() const { return ended_; }

 private:
  ssize_t receive(std::span<std::byte> into);
  std::size_t takeHeld(std::span<std::byte> into);
  // False without memory.
  bool hold(std::span<const std::byte> bytes);

  int fd_;
  io::Readiness& readiness_;
  bool ended_ = false;
  std::unique_ptr<std::byte[]> held_;  // kMostRecord bytes, while there are any
  std::size_t held_bytes_ = 0;
};

// A BIO that reads from `input`, which must outlive it. nullptr when out of memory.
BIO* newInputBio(RecordInput& input);

}  // namespace efs::tls
