/**
 * The sandbox of Python code, as Python source: what the system offers is applied by the process to itself, before any
 * line of the response is read. Linux: Landlock (files, signals, TCP), seccomp (system calls), no capabilities, no core
 * dumps, resource limits.
 */
import { seccompBytes } from "./seccomp-filter.ts"
import { syscallNumbers } from "./syscall-numbers.ts"
import type { Machine } from "./syscall-numbers.ts"

/** `FILTERS`: for each machine, the filter of system calls and where the process's own number goes. */
function filterTable(): string {
  const rows = (Object.keys(syscallNumbers) as Machine[]).map((machine) => {
    const { bytes, selfOffsets } = seccompBytes(machine)
    return `    "${machine}": (bytes.fromhex("${Buffer.from(bytes).toString("hex")}"), [${selfOffsets.join(", ")}]),`
  })
  return `FILTERS = {\n${rows.join("\n")}\n}\n`
}

/**
 * Defines `sandbox(folder, limits, kept)`, which returns the list of what could not be isolated; empty when everything
 * is. The rest of the process may only read the Python installation, and write into its folder. `kept` are the
 * descriptors that stay open beside the standard ones.
 */
export const pythonSandbox: string = `import os, resource, struct, sys
${filterTable()}${String.raw`
def sandbox(folder, limits, kept):
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
    first = 3
    for descriptor in sorted(kept) + [1024]:
        os.closerange(first, descriptor)
        first = descriptor + 1
    machine = os.uname().machine
    if not sys.platform.startswith("linux") or machine not in FILTERS:
        missing.append("files, network and processes (there is no isolation for %s on %s)" % (sys.platform, machine))
        return missing
    try:
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
    except Exception as error:
        missing.append("files, network and processes (ctypes: %s)" % error)
        return missing
    libc.syscall.restype = ctypes.c_long
    def call(*arguments):
        return libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    # No new privileges, killed with its parent, no tracing by its like and no core dump, not even to a handler.
    libc.prctl(38, 1, 0, 0, 0)
    libc.prctl(1, 9, 0, 0, 0)
    libc.prctl(4, 0, 0, 0, 0)
    steps = (
        lambda: landlock(ctypes, call, folder),
        lambda: drop_capabilities(ctypes, call, machine),
        lambda: seccomp(ctypes, libc, machine),
    )
    for step in steps:
        try:
            step()
        except OSError as error:
            missing.append(str(error))
    return missing

def landlock(ctypes, call, folder):
    def refused(what=""):
        raise OSError("files (Landlock%s: %s)" % (what, os.strerror(ctypes.get_errno())))
    version = call(444, None, 0, 1)
    if version < 1:
        refused()
    # Rights over files that this kernel knows: 13 at first, then moving, truncating, and ioctl of devices.
    rights = (1 << 13) - 1
    for since, right in ((2, 13), (3, 14), (5, 15)):
        if version >= since: rights |= 1 << right
    # Bound and connected TCP ports; abstract sockets and signals of other domains.
    network = 3 if version >= 4 else 0
    scoped = 3 if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", rights, network, scoped)[:size], size)
    ruleset = call(444, attributes, size, 0)
    if ruleset < 0:
        refused()
    read = 1 | 1 << 2 | 1 << 3
    device = 1 << 1 | 1 << 2
    installation = list(sys.path) + [sys.prefix, sys.base_prefix, sys.exec_prefix]
    system = ["/usr", "/lib", "/lib64", "/etc/localtime"]
    places = {path: read for path in installation + system if path not in ("", "/")}
    # Devices, sockets and fifos are not made, not even there.
    places[folder] = rights & ~(1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 15)
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
            refused(", %s" % path)
    if call(446, ruleset, 0) != 0:
        refused()
    os.close(ruleset)

def drop_capabilities(ctypes, call, machine):
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
    nothing = ctypes.create_string_buffer(24)
    if call(126 if machine == "x86_64" else 91, header, nothing) != 0:
        raise OSError("privileges (capset: %s)" % os.strerror(ctypes.get_errno()))

def seccomp(ctypes, libc, machine):
    code, own = FILTERS[machine]
    buffer = ctypes.create_string_buffer(code, len(code))
    for offset in own:
        struct.pack_into("=I", buffer, offset, os.getpid())
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    if libc.prctl(22, 2, program, 0, 0) != 0:
        raise OSError("network and processes (seccomp: %s)" % os.strerror(ctypes.get_errno()))
`}`
