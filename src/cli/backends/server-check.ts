/** What the command `tinker` does. */
import { checkConformance } from "../../engine/tinker/check/conformance.ts"
import { capabilitiesFile } from "../../engine/tinker/server-capabilities.ts"
import { TinkerClient } from "../../tinker/index.ts"
import type { TinkerBackend } from "../tinker.ts"

export const tinkerBackend: TinkerBackend = {
  async check({ url, baseModel, rank, environmentProxy, onFinding }) {
    const client = new TinkerClient({ url, proxy: environmentProxy ? "environment" : undefined })
    const report = await checkConformance(client, { baseModel, rank, onRow: onFinding })
    const { capabilities } = report
    return { findings: report.rows, capabilities: capabilities === undefined ? undefined : capabilitiesFile(capabilities, { url: report.url, baseModel: report.baseModel }) }
  },
}
