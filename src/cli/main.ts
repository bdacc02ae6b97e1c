#!/usr/bin/env node
/**
 * The `pirl` program.
 */
import { runCli } from "./cli.ts"

// `pirl runs | head` closes our output early; that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
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
