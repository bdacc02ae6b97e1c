/**
 * The sandbox of Python code, as Python source: what the system offers is applied by the process to itself, before any
 * line of the response is read. Linux: Landlock (files), seccomp (system calls), no capabilities, resource limits.
 */

/** System calls that a computation needs. Everything else is refused: sockets, new processes, tracing, mounting, ... */
const ALLOWED =
  "read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn ioctl " +
  "pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise dup dup2 pause nanosleep " +
  "getitimer alarm setitimer getpid exit uname fcntl flock fsync fdatasync ftruncate getdents getcwd chdir fchdir rename " +
  "mkdir rmdir creat unlink symlink readlink umask gettimeofday getrlimit getrusage sysinfo times getuid getgid " +
  "geteuid getegid getppid getpgrp getsid getpgid getgroups getresuid getresgid rt_sigpending rt_sigtimedwait rt_sigsuspend " +
  "sigaltstack statfs fstatfs getpriority sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min " +
  "arch_prctl gettid futex sched_getaffinity epoll_create getdents64 set_tid_address fadvise64 clock_gettime clock_getres " +
  "clock_nanosleep exit_group epoll_wait epoll_ctl openat mkdirat newfstatat unlinkat renameat symlinkat readlinkat " +
  "faccessat pselect6 ppoll set_robust_list get_robust_list epoll_pwait eventfd eventfd2 epoll_create1 dup3 pipe2 " +
  "preadv pwritev getcpu renameat2 getrandom membarrier statx rseq close_range faccessat2 time restart_syscall " +
  "sendto recvfrom getsockname getsockopt"

/** Numbers of system calls, of the kernel's unistd.h for each architecture; a call that an architecture lacks is absent. */
const NUMBERS: Readonly<Record<string, string>> = {
  x86_64:
    "read:0 write:1 open:2 close:3 stat:4 fstat:5 lstat:6 poll:7 lseek:8 mmap:9 mprotect:10 munmap:11 brk:12 rt_sigaction:13 " +
    "rt_sigprocmask:14 rt_sigreturn:15 ioctl:16 pread64:17 pwrite64:18 readv:19 writev:20 access:21 pipe:22 select:23 " +
    "sched_yield:24 mremap:25 msync:26 mincore:27 madvise:28 dup:32 dup2:33 pause:34 nanosleep:35 getitimer:36 alarm:37 " +
    "setitimer:38 getpid:39 sendto:44 recvfrom:45 getsockname:51 socketpair:53 getsockopt:55 clone:56 exit:60 kill:62 uname:63 fcntl:72 flock:73 fsync:74 fdatasync:75 ftruncate:77 getdents:78 " +
    "getcwd:79 chdir:80 fchdir:81 rename:82 mkdir:83 rmdir:84 creat:85 unlink:87 symlink:88 readlink:89 umask:95 " +
    "gettimeofday:96 getrlimit:97 getrusage:98 sysinfo:99 times:100 getuid:102 getgid:104 geteuid:107 getegid:108 getppid:110 " +
    "getpgrp:111 getgroups:115 getresuid:118 getresgid:120 getpgid:121 getsid:124 rt_sigpending:127 rt_sigtimedwait:128 " +
    "rt_sigsuspend:130 sigaltstack:131 statfs:137 fstatfs:138 getpriority:140 sched_getparam:143 sched_getscheduler:145 " +
    "sched_get_priority_max:146 sched_get_priority_min:147 arch_prctl:158 gettid:186 time:201 futex:202 sched_getaffinity:204 " +
    "epoll_create:213 getdents64:217 set_tid_address:218 restart_syscall:219 fadvise64:221 clock_gettime:228 clock_getres:229 " +
    "clock_nanosleep:230 exit_group:231 epoll_wait:232 epoll_ctl:233 tgkill:234 openat:257 mkdirat:258 newfstatat:262 " +
    "unlinkat:263 renameat:264 symlinkat:266 readlinkat:267 faccessat:269 pselect6:270 ppoll:271 set_robust_list:273 " +
    "get_robust_list:274 epoll_pwait:281 eventfd:284 eventfd2:290 epoll_create1:291 dup3:292 pipe2:293 preadv:295 pwritev:296 " +
    "prlimit64:302 getcpu:309 renameat2:316 getrandom:318 membarrier:324 statx:332 rseq:334 clone3:435 close_range:436 faccessat2:439",
  aarch64:
    "getcwd:17 eventfd2:19 epoll_create1:20 epoll_ctl:21 epoll_pwait:22 dup:23 dup3:24 fcntl:25 ioctl:29 flock:32 mkdirat:34 " +
    "unlinkat:35 symlinkat:36 renameat:38 statfs:43 fstatfs:44 ftruncate:46 faccessat:48 chdir:49 fchdir:50 openat:56 close:57 " +
    "pipe2:59 getdents64:61 lseek:62 read:63 write:64 readv:65 writev:66 pread64:67 pwrite64:68 preadv:69 pwritev:70 pselect6:72 " +
    "ppoll:73 readlinkat:78 newfstatat:79 fstat:80 fsync:82 fdatasync:83 exit:93 exit_group:94 set_tid_address:96 futex:98 " +
    "set_robust_list:99 get_robust_list:100 nanosleep:101 getitimer:102 setitimer:103 clock_gettime:113 clock_getres:114 " +
    "clock_nanosleep:115 sched_getscheduler:120 sched_getparam:121 sched_getaffinity:123 sched_yield:124 " +
    "sched_get_priority_max:125 sched_get_priority_min:126 restart_syscall:128 kill:129 tgkill:131 sigaltstack:132 " +
    "rt_sigsuspend:133 rt_sigaction:134 rt_sigprocmask:135 rt_sigpending:136 rt_sigtimedwait:137 rt_sigreturn:139 " +
    "getpriority:141 getresuid:148 getresgid:150 times:153 getpgid:155 getsid:156 getgroups:158 uname:160 getrlimit:163 " +
    "getrusage:165 umask:166 getcpu:168 gettimeofday:169 getpid:172 getppid:173 getuid:174 geteuid:175 getgid:176 getegid:177 " +
    "gettid:178 sysinfo:179 socketpair:199 getsockname:204 sendto:206 recvfrom:207 getsockopt:209 brk:214 munmap:215 mremap:216 clone:220 mmap:222 fadvise64:223 mprotect:226 msync:227 mincore:232 " +
    "madvise:233 prlimit64:261 renameat2:276 getrandom:278 membarrier:283 statx:291 rseq:293 clone3:435 close_range:436 faccessat2:439",
}

function pythonTable(): string {
  const rows = Object.entries(NUMBERS).map(([machine, text]) => {
    const entries = text.split(" ").map((entry) => entry.replace(/(\w+):(\d+)/u, '"$1": $2'))
    return `    "${machine}": {${entries.join(", ")}},`
  })
  return `NUMBERS = {\n${rows.join("\n")}\n}\nALLOWED = "${ALLOWED}".split()\n`
}

/**
 * Defines `sandbox(folder, limits)`, which returns the list of what could not be isolated; empty when everything is.
 * The rest of the process may only read the Python installation, and write into its folder.
 */
export const pythonSandbox: string = `${pythonTable()}
import os, resource, struct, sys

def sandbox(folder, limits):
    missing = []
    def limit(name, value, hard=None):
        kind = getattr(resource, name, None)
        if kind is None:
            missing.append(name)
            return
        try:
            resource.setrlimit(kind, (value, value if hard is None else hard))
        except (ValueError, OSError) as error:
            missing.append("%s (%s)" % (name, error))
    limit("RLIMIT_CPU", limits["cpuSeconds"], limits["cpuSeconds"] + 1)
    limit("RLIMIT_AS", limits["memoryBytes"])
    limit("RLIMIT_FSIZE", limits["fileBytes"])
    limit("RLIMIT_NOFILE", 64)
    limit("RLIMIT_CORE", 0)
    os.closerange(4, 1024)
    machine = os.uname().machine
    if not sys.platform.startswith("linux") or machine not in NUMBERS:
        missing.append("files, network and processes (there is no isolation for %s on %s)" % (sys.platform, machine))
        return missing
    try:
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
    except Exception as error:
        missing.append("files, network and processes (ctypes: %s)" % error)
        return missing
    def call(*arguments):
        libc.syscall.restype = ctypes.c_long
        return libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    libc.prctl(38, 1, 0, 0, 0)
    libc.prctl(1, 9, 0, 0, 0)
    for attempt in (lambda: landlock(ctypes, libc, call, folder), lambda: drop_capabilities(ctypes, libc, call, machine), lambda: seccomp(ctypes, libc, machine)):
        try:
            attempt()
        except OSError as error:
            missing.append(str(error))
    return missing

def landlock(ctypes, libc, call, folder):
    version = call(444, None, 0, 1)
    if version < 1:
        raise OSError("files (Landlock: %s)" % os.strerror(ctypes.get_errno()))
    rights = (1 << 13) - 1
    if version >= 2: rights |= 1 << 13
    if version >= 3: rights |= 1 << 14
    attributes = ctypes.create_string_buffer(struct.pack("=Q", rights), 8)
    ruleset = call(444, attributes, 8, 0)
    if ruleset < 0:
        raise OSError("files (Landlock: %s)" % os.strerror(ctypes.get_errno()))
    read = 1 | 1 << 2 | 1 << 3
    device = 1 << 1 | 1 << 2
    places = {path: read for path in list(sys.path) + [sys.prefix, sys.base_prefix, sys.exec_prefix, "/usr", "/lib", "/lib64", "/etc/localtime"] if path}
    # Devices, links, sockets and fifos are not made, not even there.
    places[folder] = rights & ~(1 << 6 | 1 << 9 | 1 << 10 | 1 << 11)
    places["/dev/null"] = device
    places["/dev/zero"] = places["/dev/urandom"] = places["/dev/random"] = 1 << 2
    for path, allowed in places.items():
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        if not os.path.isdir(path):
            allowed &= 1 | 1 << 1 | 1 << 2 | (rights & 1 << 14)
        rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, descriptor), 12)
        failed = call(445, ruleset, 1, rule, 0) != 0
        os.close(descriptor)
        if failed:
            raise OSError("files (Landlock, %s: %s)" % (path, os.strerror(ctypes.get_errno())))
    if call(446, ruleset, 0) != 0:
        raise OSError("files (Landlock: %s)" % os.strerror(ctypes.get_errno()))
    os.close(ruleset)

def drop_capabilities(ctypes, libc, call, machine):
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
    nothing = ctypes.create_string_buffer(24)
    if call(126 if machine == "x86_64" else 91, header, nothing) != 0:
        raise OSError("privileges (capset: %s)" % os.strerror(ctypes.get_errno()))

def seccomp(ctypes, libc, machine):
    numbers = NUMBERS[machine]
    program = []
    def add(code, jt, jf, k):
        program.append(struct.pack("=HBBI", code, jt, jf, k))
    LOAD, EQUAL, SET, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
    ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
    add(LOAD, 0, 0, 4)
    add(EQUAL, 1, 0, 0xC000003E if machine == "x86_64" else 0xC00000B7)
    add(RETURN, 0, 0, KILL)
    add(LOAD, 0, 0, 0)
    # clone3 is unknown, so that the C library falls back to clone, whose flags can be looked at: threads, no processes.
    add(EQUAL, 0, 1, numbers["clone3"])
    add(RETURN, 0, 0, UNKNOWN)
    add(EQUAL, 0, 4, numbers["clone"])
    add(LOAD, 0, 0, 16)
    add(SET, 0, 1, 0x10000)
    add(RETURN, 0, 0, ALLOW)
    add(RETURN, 0, 0, REFUSE)
    # Signals go to this process alone.
    for name in ("kill", "tgkill"):
        add(EQUAL, 0, 4, numbers[name])
        add(LOAD, 0, 0, 16)
        add(EQUAL, 0, 1, os.getpid())
        add(RETURN, 0, 0, ALLOW)
        add(RETURN, 0, 0, REFUSE)
    # A pair of connected stream sockets is a pipe, which event loops need; nothing else can be reached by it.
    add(EQUAL, 0, 7, numbers["socketpair"])
    add(LOAD, 0, 0, 16)
    add(EQUAL, 0, 4, 1)
    add(LOAD, 0, 0, 24)
    add(AND, 0, 0, 0xF)
    add(EQUAL, 0, 1, 1)
    add(RETURN, 0, 0, ALLOW)
    add(RETURN, 0, 0, REFUSE)
    # Limits can be read and not set.
    add(EQUAL, 0, 6, numbers["prlimit64"])
    add(LOAD, 0, 0, 32)
    add(EQUAL, 0, 3, 0)
    add(LOAD, 0, 0, 36)
    add(EQUAL, 0, 1, 0)
    add(RETURN, 0, 0, ALLOW)
    add(RETURN, 0, 0, REFUSE)
    allowed = [numbers[name] for name in ALLOWED if name in numbers]
    for i, number in enumerate(allowed):
        add(EQUAL, len(allowed) - i, 0, number)
    add(RETURN, 0, 0, REFUSE)
    add(RETURN, 0, 0, ALLOW)
    code = b"".join(program)
    buffer = ctypes.create_string_buffer(code, len(code))
    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
    filter = Program(len(program), ctypes.addressof(buffer))
    if libc.prctl(22, 2, ctypes.byref(filter), 0, 0) != 0:
        raise OSError("network and processes (seccomp: %s)" % os.strerror(ctypes.get_errno()))
`
