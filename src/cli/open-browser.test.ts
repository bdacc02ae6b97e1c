import { expect, test } from "vitest"
import { browserCommand } from "./open-browser.ts"

test("a browser is opened where there is a screen: always on macOS and Windows, elsewhere by DISPLAY or WAYLAND_DISPLAY", () => {
  expect(browserCommand("linux", {})).toBeUndefined()
  expect(browserCommand("linux", { DISPLAY: "", WAYLAND_DISPLAY: "" })).toBeUndefined()
  expect(browserCommand("linux", { WAYLAND_DISPLAY: "wayland-0" })).toEqual(["xdg-open"])
  expect(browserCommand("darwin", {})).toEqual(["open"])
  expect(browserCommand("win32", {})?.[0]).toBe("rundll32")
})
