/** A configuration as one writes it. */
import type { ResolvedConfig } from "./schema.ts"

/** What a YAML file holds, typed: every setting that has a default may be left out. `parseConfig` fills them in. */
export type ConfigInput = {
  readonly [Section in keyof ResolvedConfig]?: ResolvedConfig[Section] extends object
    ? Partial<ResolvedConfig[Section]>
    : ResolvedConfig[Section]
}
