// ByteRing: a bounded queue of bytes between a reader and a writer.
//
// The memory comes from the kernel at the first use and goes back with release(), so an idle
// connection holds none. When the ring runs empty it starts again at its beginning: a connection
// with small messages touches only the first pages.
#pragma once

#include <cstddef>
#include <span>

namespace efs::io {

class ByteRing {
 public:
  explicit ByteRing(std::size_t capacity) : capacity_(capacity) {}
  ByteRing(const ByteRing&) = delete;
  ByteRing& operator=(const ByteRing&) = delete;
  ~ByteRing();

  std::size_t capacity() const { return capacity_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == capacity_; }

  // The next free bytes in one piece; empty when full, or when the kernel has no memory.
  std::span<std::byte> writable();
  // `count` bytes of writable() were filled.
  void commit(std::size_t count);
  // The oldest bytes in one piece. Until consume() it only ever grows (OpenSSL demands that of a
  // repeated write).
  std::span<const std::byte> readable() const;
  void consume(std::size_t count);
  // Copies the oldest bytes, across the ring's seam too; how many.
  std::size_t copyFront(std::span<std::byte> into) const;

  bool holdsMemory() const { return memory_ != nullptr; }
  // Gives the memory back; does nothing unless empty.
  void release();

 private:
  std::size_t capacity_;
  std::byte* memory_ = nullptr;
  std::size_t head_ = 0;  // of the oldest byte
  std::size_t size_ = 0;
};

}  // namespace efs::io
