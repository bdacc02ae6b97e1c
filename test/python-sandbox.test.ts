/** Python that tries to get out of its sandbox. Each attempt says whether it succeeded; those that may are named. */
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { createVerifier } from "../src/index.ts"
import type { Verdict } from "../src/index.ts"
import { pythonInstallation } from "../src/verifiers/code/python-process.ts"

const { missing } = pythonInstallation("python3")
const verifier = createVerifier({ name: "code-python", seconds: 2, memoryMb: 300 })
/** A process of the same user that nothing may reach. */
const victim = spawn("sleep", ["600"], { stdio: "ignore" })
let connections = 0
const server = createServer((socket) => {
  connections += 1
  socket.destroy()
})
beforeAll(() => new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready)))
afterAll(() => {
  victim.kill("SIGKILL")
  server.close()
})

/** Calls by their numbers on x86-64; elsewhere these attempts have nothing to try. */
const prelude = `
import ctypes, fcntl, os, resource, select, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *args):
    if os.uname().machine != "x86_64":
        return False
    return libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args]) >= 0
def pair():
    return socket.socketpair()[0]
def opens(path, mode="rb"):
    with open(path, mode) as file:
        return mode != "rb" or len(file.read(1)) >= 0
`

type Attempt = readonly [name: string, body: string]

/**
 * `V` is the victim's number, `PORT` that of a server on this machine. A body returns something true when it got out.
 */
const attempts: readonly Attempt[] = [
  // Signals to others, by name and by the ways round it.
  ["asks whether a process is there", "os.kill(V, 0); return True"],
  ["kills a process", "os.kill(V, 9); return True"],
  ["kills a group of processes", "os.killpg(V, 9); return True"],
  ["signals everything that it may", "os.kill(-1, 0); return True"],
  ["signals its own group", "os.kill(0, 0); return True"],
  ["signals its parent", "os.kill(os.getppid(), 0); return True"],
  ["signals a thread of a process (tgkill)", "return call(234, V, V, 9)"],
  ["signals a thread (tkill)", "return call(200, V, 9)"],
  ["queues a signal (rt_sigqueueinfo)", "return call(129, V, 9, ctypes.create_string_buffer(128))"],
  ["queues a signal to a thread", "return call(297, V, V, 9, ctypes.create_string_buffer(128))"],
  ["opens a process as a descriptor", "return call(434, V, 0)"],
  ["sends a signal by descriptor", "return call(424, 0, 9, 0, 0)"],
  ["takes a descriptor of a process", "return call(438, 0, 0, 0)"],
  ["names the owner of a socket (F_SETOWN)", "return fcntl.fcntl(pair(), 8, V) >= 0"],
  ["names the owner of a socket (F_SETOWN_EX)", "return fcntl.fcntl(pair(), 15, struct.pack('ii', 1, V)) is not None"],
  ["picks the signal of a socket (F_SETSIG)", "return fcntl.fcntl(pair(), 10, 9) >= 0"],
  ["asks for signals of a socket (O_ASYNC)", "return fcntl.fcntl(pair(), 4, 0x2000) >= 0"],
  [
    "does all of it, and writes",
    "a, b = socket.socketpair()\n    for c, v in ((8, V), (10, 9), (4, 0x2000)):\n        libc.fcntl(a.fileno(), c, v)\n    b.send(b'x'); return False",
  ],
  ["asks for signals of a changed folder (F_NOTIFY)", "return fcntl.fcntl(os.open('.', 0), 1026, 1) >= 0"],
  ["takes a lease that signals", "open('x', 'w').close(); return fcntl.fcntl(os.open('x', 0), 1024, 0) >= 0"],
  ["names the owner by ioctl (FIOSETOWN)", "return fcntl.ioctl(pair(), 0x8901, struct.pack('i', V)) is not None"],
  ["names the owner by ioctl (SIOCSPGRP)", "return fcntl.ioctl(pair(), 0x8902, struct.pack('i', V)) is not None"],
  ["asks for signals by ioctl (FIOASYNC)", "return fcntl.ioctl(pair(), 0x5452, struct.pack('i', 1)) is not None"],
  ["types into a terminal (TIOCSTI)", "return libc.ioctl(0, 0x5412, b'x') >= 0"],
  ["lets its parent's death signal it", "return libc.prctl(1, 15, 0, 0, 0) >= 0"],
  ["lets itself be traced", "return libc.prctl(0x59616d61, -1, 0, 0, 0) >= 0"],
  ["becomes dumpable again", "return libc.prctl(4, 1, 0, 0, 0) >= 0"],
  ["adopts orphans", "return libc.prctl(36, 1, 0, 0, 0) >= 0"],
  [
    "makes a timer that signals",
    "return call(222, 0, ctypes.create_string_buffer(64), ctypes.create_string_buffer(8))",
  ],
  ["makes a message queue that signals", "return call(240, b'pirl', 0o102, 0o600, 0)"],
  ["sends urgent data, which signals", "return pair().send(b'x', socket.MSG_OOB) >= 0"],
  // Memory and scheduling of others.
  ["traces a process", "return call(101, 16, V, 0, 0)"],
  [
    "reads the memory of a process",
    "return call(310, V, ctypes.create_string_buffer(16), 1, ctypes.create_string_buffer(16), 1, 0)",
  ],
  [
    "writes the memory of a process",
    "return call(311, V, ctypes.create_string_buffer(16), 1, ctypes.create_string_buffer(16), 1, 0)",
  ],
  ["advises about the memory of a process", "return call(440, 0, 0, 0, 0, 0)"],
  ["compares two processes", "return call(312, V, V, 0, 0, 0)"],
  ["counts events of a process", "return call(298, ctypes.create_string_buffer(128), V, -1, -1, 0)"],
  ["slows a process down", "os.setpriority(os.PRIO_PROCESS, V, 19); return True"],
  ["asks how a process is scheduled", "return os.getpriority(os.PRIO_PROCESS, V) is not None"],
  ["limits a process", "resource.prlimit(V, resource.RLIMIT_CPU, (1, 1)); return True"],
  ["moves a process to another core", "os.sched_setaffinity(V, {0}); return True"],
  ["schedules a process in real time", "return libc.sched_setscheduler(V, 1, ctypes.byref(ctypes.c_int(1))) >= 0"],
  ["asks for the group of a process", "return os.getpgid(V) > 0"],
  ["asks for the session of a process", "return os.getsid(V) > 0"],
  // More processes, and other programs.
  ["forks", "return os.fork() >= 0"],
  ["forks by clone", "return call(56, 17, 0, 0, 0, 0)"],
  [
    "forks by clone3",
    "return call(435, ctypes.create_string_buffer(struct.pack('=QQQQQQQQ', 0, 0, 0, 0, 17, 0, 0, 0)), 64)",
  ],
  ["forks by vfork", "return call(58)"],
  ["runs a program", "import subprocess; return subprocess.run(['true']).returncode == 0"],
  ["becomes a program", "os.execv('/bin/true', ['true'])"],
  ["becomes a program from memory", "return call(319, b'x', 0)"],
  ["begins a session", "return os.setsid() > 0"],
  // Kernel interfaces.
  ["sets up a ring of requests", "return call(425, 8, ctypes.create_string_buffer(128))"],
  ["loads a program into the kernel", "return call(321, 0, ctypes.create_string_buffer(128), 128)"],
  ["takes page faults into its hands", "return call(323, 0)"],
  ["adds a key", "return call(248, b'user', b'pirl', b'x', 1, -2)"],
  ["reads keys", "return call(250, 0, -3, 0)"],
  ["makes memory that others can find", "return call(29, 0, 4096, 0o1600)"],
  ["makes a queue that others can find", "return call(68, 0, 0o1600)"],
  ["makes namespaces", "return call(272, 0x10000000)"],
  ["enters namespaces", "return call(308, 0, 0)"],
  ["mounts", "return call(165, b'none', b'.', b'tmpfs', 0, 0)"],
  ["changes its root", "os.chroot('.'); return True"],
  ["becomes another user", "os.setuid(65534); return True"],
  [
    "sets capabilities",
    "return call(126, ctypes.create_string_buffer(struct.pack('=Ii', 0x20080522, 0)), ctypes.create_string_buffer(24))",
  ],
  ["changes how programs run", "return call(135, 0x0040000)"],
  ["sets the clock", "return call(227, 0, ctypes.create_string_buffer(16))"],
  ["restarts the machine", "return call(169, 0xfee1dead, 672274793, 0, 0)"],
  ["watches the file system", "return call(300, 0, 0) or call(294, 0)"],
  ["speaks as a program of another size (x32)", "return call(0x40000000 | 39)"],
  ["lifts its own limits", "resource.setrlimit(resource.RLIMIT_CPU, (600, 600)); return True"],
  // Network.
  ["connects to this machine", "socket.create_connection(('127.0.0.1', PORT), 1); return True"],
  ["makes an internet socket", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM); return True"],
  ["makes a local socket", "socket.socket(socket.AF_UNIX); return True"],
  ["makes a pair of packet sockets", "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); return True"],
  ["talks to the kernel's network", "socket.socket(16, 3, 0); return True"],
  // Files.
  ["reads a file of the system", "return opens('/etc/passwd')"],
  ["reads a process's environment", "return opens('/proc/%d/environ' % V)"],
  ["reads a process's memory as a file", "return opens('/proc/%d/mem' % V)"],
  ["lists the root folder", "return len(os.listdir('/')) > 0"],
  ["lists processes", "return len(os.listdir('/proc')) > 0"],
  ["writes into the folder of temporary files", "return opens('/tmp/pirl-escaped', 'wb')"],
  ["writes into the installation", "return opens(os.path.dirname(os.__file__) + '/pirl-escaped.py', 'wb')"],
  ["reads by a symbolic link", "os.symlink('/etc/passwd', 'x'); return opens('x')"],
  ["reads by a hard link", "os.link('/etc/passwd', 'x'); return opens('x')"],
  ["moves a folder up and reads", "os.mkdir('d'); os.chdir('d'); os.rename('../d', '../../d'); return True"],
  ["opens a file by its handle", "return call(304, -100, ctypes.create_string_buffer(64), 0)"],
  ["makes a device", "os.mknod('x', 0o60600, os.makedev(8, 0)); return True"],
  ["makes a fifo", "os.mkfifo('x'); return True"],
  ["changes who may read", "os.chmod('.', 0o777); return True"],
  ["gives a file away", "os.chown('.', 1, 1); return True"],
  ["opens the terminal", "return opens('/dev/tty')"],
  ["opens the machine's memory", "return opens('/dev/mem')"],
]

/** What gets out, and why that is let be. */
const allowed: readonly Attempt[] = [
  // Landlock rules over the contents of files. Their names cost a mount namespace to hide, which most users may not
  // make.
  ["sees that a file outside is there, and its size", "return os.stat('/etc/passwd').st_size > 0"],
  ["reads the system's libraries", "return len(os.listdir('/usr')) > 0"],
  ["reads the number of its parent", "return os.getppid() > 0"],
  ["reads the name of the machine", "return len(os.uname().nodename) > 0"],
  ["starts a thread", "import threading; t = threading.Thread(target=id, args=(1,)); t.start(); t.join(); return True"],
]

async function judged([, body]: Attempt): Promise<Verdict> {
  const { port } = server.address() as AddressInfo
  const source = `${prelude}
V, PORT = ${victim.pid}, ${port}
def attempt():
    ${body}
def f():
    try:
        return "out" if attempt() else "held"
    except BaseException:
        return "held"
`
  const gold = JSON.stringify({ fn_name: "f", inputs: [[]], outputs: ["out"] })
  return verifier.verify({ gold, completion: `\`\`\`python\n${source}\n\`\`\`` })
}

/** Four at a time: a process of Python costs more than most attempts. */
async function outOf(list: readonly Attempt[]): Promise<string[]> {
  const found: string[] = []
  const waiting = [...list]
  const worker = async (): Promise<void> => {
    for (let attempt = waiting.shift(); attempt !== undefined; attempt = waiting.shift()) {
      const verdict = await judged(attempt)
      if (verdict.status === "failure") throw new Error(`${attempt[0]}: ${verdict.reason}`)
      if (verdict.reward === 1) found.push(attempt[0])
    }
  }
  await Promise.all(Array.from({ length: 4 }, worker))
  return found.toSorted()
}

describe.skipIf(missing.length > 0)("Python of a response", () => {
  test(`does not get out, in ${attempts.length} ways`, { timeout: 240_000 }, async () => {
    expect(await outOf(attempts)).toEqual([])
    expect(victim.exitCode ?? victim.signalCode).toBeNull()
    expect(connections).toBe(0)
  })

  test("may do what is named here, and no more is known of", { timeout: 120_000 }, async () => {
    expect(await outOf(allowed)).toEqual(allowed.map(([name]) => name).toSorted())
  })
})
