#!/usr/bin/env node
/**
 * The `pirl` program.
 */
import { runCli } from "./cli.ts"
import { dieOf, leave } from "./interrupt.ts"

// `pirl runs | head` closes our output early; that is no error.
let outputClosed = false
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
    if (outputClosed) return
    outputClosed = true
    // A command that can stop in order does: the engine's thread would be aborted in native code by `process.exit`.
    if (process.listenerCount("SIGTERM") > 0) process.emit("SIGTERM", "SIGTERM")
    // Results are written when the engine is closed, progress while it runs.
    else if (stream === process.stdout) process.exit(0)
    else dieOf("SIGTERM")
  })
}

const code = await runCli(process.argv.slice(2), {
  // Node opens the standard input when it is looked at: by commands that read it alone.
  get in() {
    return process.stdin
  },
  out: process.stdout,
  err: process.stderr,
  env: process.env,
})
process.exitCode = code
leave(code)
