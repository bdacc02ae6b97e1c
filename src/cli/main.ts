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
  out: process.stdout,
  err: process.stderr,
  env: process.env,
})
