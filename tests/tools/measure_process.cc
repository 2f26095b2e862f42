// measure-process PROGRAM [ARGUMENT ...]: runs a program and appends one line of JSON about it to
// standard error: exit code, milliseconds from its start to its end, processor time of it and its
// children, peak resident memory in KiB.
//
// A program of its own because the kernel counts the memory of whoever forks a process into that
// process's peak: this one is small.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace {

double milliseconds(const timeval& time) {
  return 1e3 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: measure-process PROGRAM [ARGUMENT ...]\n", stderr);
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(argv[1], argv + 1);
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) return 2;
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - begin;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::fprintf(stderr, "{\"code\": %d, \"ms\": %.2f, \"cpu_ms\": %.2f, \"peak_kib\": %ld}\n", code,
               passed.count(), milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
               usage.ru_maxrss);
  return code;
}
