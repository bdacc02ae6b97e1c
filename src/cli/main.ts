#!/usr/bin/env node
/**
 * The `pirl` program.
 */
import { runCli } from "./cli.ts"

// `pirl runs | head` closes our output early; that is no error.
let outputClosed = false
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  if (outputClosed) return
  outputClosed = true
  // A command with an engine stops in order: the engine's thread is aborted in native code by `process.exit`.
  if (process.listenerCount("SIGTERM") > 0) process.emit("SIGTERM", "SIGTERM")
  else process.exit(0)
})

process.exitCode = await runCli(process.argv.slice(2), {
  // Node opens the standard input when it is looked at: by commands that read it alone.
  get in() {
    return process.stdin
  },
  out: process.stdout,
  err: process.stderr,
  env: process.env,
})
