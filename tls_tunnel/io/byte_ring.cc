#include "efs/io/byte_ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace efs::io {

// release() keeps what is not empty, which here nobody will read.
ByteRing::~ByteRing() {
  size_ = 0;
  release();
}

std::span<std::byte> ByteRing::writable() {
  if (memory_ == nullptr) {
    // Pages of its own, not the heap's: what is given back is free at once, and a page that was
    // never touched costs nothing.
    void* memory =
        ::mmap(nullptr, capacity_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return {};
    memory_ = static_cast<std::byte*>(memory);
  }
  const std::size_t to_end = capacity_ - head_;
  if (size_ < to_end) return {memory_ + head_ + size_, to_end - size_};
  const std::size_t tail = size_ - to_end;  // wrapped: free from there up to the oldest byte
  return {memory_ + tail, head_ - tail};
}

void ByteRing::commit(std::size_t count) { size_ += std::min(count, capacity_ - size_); }

std::span<const std::byte> ByteRing::readable() const {
  return {memory_ + head_, std::min(size_, capacity_ - head_)};
}

void ByteRing::consume(std::size_t count) {
  count = std::min(count, size_);
  size_ -= count;
  head_ += count;
  if (head_ >= capacity_) head_ -= capacity_;
  // From the front again, so that the next read finds one piece, and touches the same pages.
  if (size_ == 0) head_ = 0;
}

std::size_t ByteRing::copyFront(std::span<std::byte> into) const {
  const std::size_t count = std::min(into.size(), size_);
  const std::size_t piece = std::min(count, readable().size());
  if (piece != 0) std::memcpy(into.data(), memory_ + head_, piece);
  if (count > piece) std::memcpy(into.data() + piece, memory_, count - piece);
  return count;
}

void ByteRing::release() {
  if (size_ != 0 || memory_ == nullptr) return;
  (void)::munmap(memory_, capacity_);
  memory_ = nullptr;
}

}  // namespace efs::io
