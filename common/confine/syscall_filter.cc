// The list of system calls, as a filter of seccomp(2).
//
// Refused calls come as SIGSYS. Its handler may run inside malloc() or with a lock held, so it only
// notes the number and answers ENOSYS; words come later, from the event loop.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "parts.h"

namespace efs::confine {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

// What a daemon of one thread needs that moves bytes between sockets, reads a few files and writes
// a log, whatever glibc and OpenSSL make of it. The most frequent first: a kernel before 5.11 goes
// through the list at each call. No program is started, no process made, traced or signalled.
constexpr std::array kAllowed{
    SYS_epoll_pwait,
    SYS_recvfrom,
    SYS_sendto,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_splice,
    SYS_clock_gettime,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
    // Descriptors.
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_eventfd2,
    SYS_signalfd4,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_pipe2,
    SYS_close,
    SYS_dup,
    SYS_dup3,
    SYS_fcntl,
    SYS_ioctl,
    SYS_flock,
    SYS_ppoll,
    SYS_pselect6,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
#ifdef SYS_close_range
    SYS_close_range,
#endif
#ifdef SYS_poll
    SYS_poll,
    SYS_select,
    SYS_dup2,
    SYS_pipe,
#endif
    // Sockets.
    SYS_socket,
    SYS_socketpair,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_connect,
    SYS_shutdown,
    SYS_getsockname,
    SYS_getpeername,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_sendmmsg,
    SYS_recvmmsg,
    // Files.
    SYS_openat,
    SYS_pread64,
    SYS_pwrite64,
    SYS_lseek,
    SYS_fstat,
    SYS_statx,
    SYS_newfstatat,
    SYS_statfs,
    SYS_fstatfs,
    SYS_getdents64,
    SYS_faccessat,
    SYS_readlinkat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_linkat,
    SYS_mkdirat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_utimensat,
    SYS_getcwd,
    SYS_umask,
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_open
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_unlink,
    SYS_rename,
    SYS_mkdir,
    SYS_chmod,
    SYS_link,
#endif
    // Memory.
    SYS_brk,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_mlock,
    SYS_mlock2,
    SYS_munlock,
    // Time, identity, limits.
    SYS_gettimeofday,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrusage,
    SYS_prlimit64,
    SYS_getrlimit,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_prctl,
    SYS_getrandom,
    SYS_getcpu,
#ifdef SYS_time
    SYS_time,
#endif
#ifdef SYS_arch_prctl
    SYS_arch_prctl,
#endif
    // Threads and signals, for what libraries do by themselves and for the end; children that were
    // started before.
    SYS_wait4,
    SYS_waitid,
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_membarrier,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_tgkill,
    SYS_exit,
    SYS_exit_group,
#ifdef SYS_rseq
    SYS_rseq,
#endif
};

constexpr int kMostNumber = 1024;
// 0 allowed or never asked for, 1 refused and not told, 2 told.
std::array<std::atomic<std::uint8_t>, kMostNumber> refused{};
std::atomic<bool> some_refused{false};

void answerNoSuchCall(ucontext_t* context) {
#if defined(__x86_64__)
  context->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
  context->uc_mcontext.regs[0] = static_cast<std::uint64_t>(-ENOSYS);
#endif
}

extern "C" void onRefusedCall(int, siginfo_t* info, void* context) {
  answerNoSuchCall(static_cast<ucontext_t*>(context));
  const int number = info->si_syscall;
  if (number < 0 || number >= kMostNumber) return;
  std::uint8_t expected = 0;
  if (refused.at(static_cast<std::size_t>(number)).compare_exchange_strong(expected, 1))
    some_refused = true;
}

sock_filter statement(int code, std::uint32_t value) {
  return {static_cast<std::uint16_t>(code), 0, 0, value};
}
sock_filter jump(int code, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return {static_cast<std::uint16_t>(code), yes, no, value};
}

std::vector<sock_filter> program() {
  std::vector<sock_filter> out;
  out.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  out.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  out.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
  out.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  // x32 numbers have a bit of their own, so they equal none.
  for (const long number : kAllowed) {
    out.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
    out.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  out.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
  return out;
}

Status listenForRefusals() {
  struct sigaction action {};
  action.sa_sigaction = onRefusedCall;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (::sigaction(SIGSYS, &action, nullptr) != 0)
    return Error::fromErrno(errno, "a handler for refused system calls");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGSYS);
  // Blocked, it would end us.
  if (::sigprocmask(SIG_UNBLOCK, &set, nullptr) != 0) return Error::fromErrno(errno, "sigprocmask");
  return {};
}

}  // namespace

std::size_t allowedCalls() { return kAllowed.size(); }

Status restrictCalls() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return Error(ErrorKind::kUnsupported, "system calls are not restricted under a sanitizer");
#endif
  if (kArchitecture == 0)
    return Error(ErrorKind::kUnsupported, "no list of system calls for this architecture");
  EFS_CHECK(listenForRefusals());
  auto filter = program();
  const sock_fprog description{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &description) != 0)
    return Error::fromErrno(errno, "restricting system calls by seccomp");
  return {};
}

std::vector<std::string> takeRefusedCalls() {
  std::vector<std::string> names;
  if (!some_refused.exchange(false)) return names;
  for (std::size_t number = 0; number < refused.size(); ++number) {
    std::uint8_t expected = 1;
    if (refused.at(number).compare_exchange_strong(expected, 2))
      names.push_back(syscallName(static_cast<int>(number)));
  }
  return names;
}

}  // namespace efs::confine
