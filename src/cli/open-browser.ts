/** Opens a link in the browser of the person at the screen, where there is one. */
import { spawn } from "node:child_process"

type Environment = Readonly<Record<string, string | undefined>>

/** The program that opens links; undefined without a screen. */
export function browserCommand(platform: NodeJS.Platform, env: Environment): readonly [command: string, ...args: string[]] | undefined {
  if (platform === "darwin") return ["open"]
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"]
  const hasScreen = (env["DISPLAY"] ?? "") !== "" || (env["WAYLAND_DISPLAY"] ?? "") !== ""
  return hasScreen ? ["xdg-open"] : undefined
}

/** Opens the link, or does nothing: it was printed in any case. */
export function openBrowser(url: string, env: Environment): void {
  const command = browserCommand(process.platform, env)
  if (command === undefined) return
  const [program, ...args] = command
  const child = spawn(program, [...args, url], { stdio: "ignore", detached: true })
  child.on("error", () => undefined)
  child.unref()
}
