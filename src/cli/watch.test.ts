import type { NetworkInterfaceInfo } from "node:os"
import { describe, expect, test } from "vitest"
import { linksForOthers } from "./watch.ts"

const four = (address: string, internal: boolean): NetworkInterfaceInfo => ({ family: "IPv4", address, internal, netmask: "", mac: "", cidr: null })
const six = (address: string, internal: boolean): NetworkInterfaceInfo => ({ family: "IPv6", address, internal, netmask: "", mac: "", cidr: null, scopeid: 0 })
const interfaces = { lo: [four("127.0.0.1", true), six("::1", true)], eth0: [four("192.0.2.7", false), six("2001:db8::7", false), six("fe80::7", false)], gone: undefined }
const url = "http://localhost:8080/?token=abc"

describe("links for other machines", () => {
  test("name this machine by its address and keep the token, where it listens on every address", () => {
    expect(linksForOthers(url, "0.0.0.0", interfaces)).toEqual(["http://192.0.2.7:8080/?token=abc"])
    expect(linksForOthers(url, "::", interfaces)).toEqual(["http://192.0.2.7:8080/?token=abc", "http://[2001:db8::7]:8080/?token=abc"])
  })

  test("are none where it listens for itself, or on the address that its link names already", () => {
    for (const host of ["127.0.0.1", "192.0.2.7", "localhost"]) expect(linksForOthers(url, host, interfaces)).toEqual([])
  })
})
