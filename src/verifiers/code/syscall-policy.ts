/**
 * Which system calls sandboxed code may make, and with which arguments. What is not here is refused: sockets, new
 * processes, tracing, mounting, keys, timers and queues that signal, asynchronous input and output, ...
 */

/** A condition on an argument: its low 32 bits, masked, are one of the values. `"self"` is the process's own number. */
export interface ArgumentCheck {
  readonly argument: 0 | 1 | 2 | 3 | 4 | 5
  /** Also its high 32 bits; absent for the kernel's int arguments, of which it reads the low half alone. */
  readonly isNull?: true
  readonly mask?: number
  readonly oneOf: readonly (number | "self")[]
}

/** A call is let through when every check of one of the alternatives holds. */
export type CallRule = readonly (readonly ArgumentCheck[])[]

/** Calls that reach nothing outside the process and its files, whatever their arguments. */
export const freeCalls: readonly string[] = (
  "read write open close stat fstat lstat poll lseek mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn " +
  "pread64 pwrite64 readv writev access pipe select sched_yield mremap msync dup dup2 pause nanosleep getitimer alarm " +
  "setitimer getpid exit wait4 waitid uname fsync fdatasync ftruncate getdents getcwd chdir fchdir rename mkdir rmdir " +
  "creat unlink symlink readlink umask gettimeofday getrlimit getrusage sysinfo times getuid getgid geteuid getegid " +
  "getppid getpgrp getgroups getresuid getresgid rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack statfs " +
  "fstatfs sched_get_priority_max sched_get_priority_min gettid time epoll_create getdents64 set_tid_address " +
  "restart_syscall fadvise64 clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl openat " +
  "mkdirat newfstatat unlinkat renameat symlinkat readlinkat faccessat pselect6 ppoll set_robust_list epoll_pwait " +
  "eventfd eventfd2 epoll_create1 dup3 preadv pwritev getcpu renameat2 getrandom statx rseq close_range faccessat2 " +
  "recvfrom getsockname getsockopt"
).split(" ")

const own: CallRule = [[{ argument: 0, oneOf: [0, "self"] }]]
const signalToSelf: CallRule = [[{ argument: 0, oneOf: ["self"] }]]
const none = (argument: ArgumentCheck["argument"]): ArgumentCheck => ({ argument, isNull: true, oneOf: [0] })

const O_ASYNC = 0x2000
const MAP_HUGETLB = 0x40000
const MSG_OOB = 1
/** O_CLOEXEC, O_NONBLOCK and O_DIRECT. */
const PIPE_FLAGS = 0x80000 | 0x800 | 0x4000
const CLONE_THREAD = 0x10000
/** What the C libraries start threads with: shared memory, files, handlers, no namespace, no exit signal, no tracer. */
const THREAD_FLAGS = 0x7d0f00

/** Calls whose arguments decide. */
export const checkedCalls: Readonly<Record<string, CallRule>> = {
  // A new thread, never a new process.
  clone: [
    [
      { argument: 0, mask: CLONE_THREAD, oneOf: [CLONE_THREAD] },
      { argument: 0, mask: ~THREAD_FLAGS >>> 0, oneOf: [0] },
    ],
  ],
  // Signals go to this process alone.
  kill: signalToSelf,
  tgkill: signalToSelf,
  // Commands that duplicate, read and set flags, and lock; none that names who gets a signal (F_SETOWN, F_SETSIG,
  // F_SETOWN_EX, leases, F_NOTIFY), and no flag that asks for one (O_ASYNC).
  fcntl: [
    // F_DUPFD F_GETFD F_SETFD F_GETFL, F_GETLK F_SETLK F_SETLKW, F_DUPFD_CLOEXEC, F_GETPIPE_SZ
    [{ argument: 1, oneOf: [0, 1, 2, 3, 5, 6, 7, 1030, 1032] }],
    [
      { argument: 1, oneOf: [4] },
      { argument: 2, mask: O_ASYNC, oneOf: [0] },
    ],
  ],
  // TCGETS and TIOCGWINSZ (is it a terminal, and how wide), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Not FIOSETOWN,
  // SIOCSPGRP, FIOASYNC, TIOCSTI, TIOCSPGRP.
  ioctl: [[{ argument: 1, oneOf: [0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451] }]],
  // PR_SET_NAME and PR_GET_NAME. Not PR_SET_PDEATHSIG, PR_SET_PTRACER, PR_SET_DUMPABLE.
  prctl: [[{ argument: 0, oneOf: [15, 16] }]],
  // Limits of this process can be read and not set.
  prlimit64: [[{ argument: 0, oneOf: [0, "self"] }, none(2)]],
  // What other processes are and how they are scheduled stays unknown.
  getpgid: own,
  getsid: own,
  sched_getaffinity: own,
  sched_getparam: own,
  sched_getscheduler: own,
  getpriority: [
    [
      { argument: 0, oneOf: [0] },
      { argument: 1, oneOf: [0, "self"] },
    ],
  ],
  // Waits and wakes. Not the priority-inheriting ones, whose word in memory names a thread of any process.
  futex: [[{ argument: 1, mask: ~(128 | 256) >>> 0, oneOf: [0, 1, 3, 4, 5, 9, 10] }]],
  // A pair of connected stream sockets is a pipe, which event loops need.
  socketpair: [
    [
      { argument: 0, oneOf: [1] },
      { argument: 1, mask: 0xf, oneOf: [1] },
      { argument: 2, oneOf: [0] },
    ],
  ],
  // To the other end alone, and no urgent data, which signals its owner.
  sendto: [[{ argument: 3, mask: MSG_OOB, oneOf: [0] }, none(4)]],
  // Not O_NOTIFICATION_PIPE.
  pipe2: [[{ argument: 1, mask: ~PIPE_FLAGS >>> 0, oneOf: [0] }]],
  // Not from the system's shared pool of huge pages.
  mmap: [[{ argument: 3, mask: MAP_HUGETLB, oneOf: [0] }]],
  // Advice about this process's memory. Not MADV_PAGEOUT and MADV_COLD of files that others use, nor poisoned pages.
  madvise: [[{ argument: 2, oneOf: [0, 1, 2, 3, 4, 8, 14, 15, 16, 17, 22, 23, 102, 103] }]],
}

/** Unknown to the code, so that the C library takes `clone`, whose flags lie in a register and can be checked. */
export const unknownCalls: readonly string[] = ["clone3"]
