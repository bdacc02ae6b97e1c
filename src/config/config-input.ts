/** A configuration as one writes it. */
import type { ResolvedConfig } from "./schema.ts"

type Given<Setting> = Setting extends readonly unknown[]
  ? Setting
  : Setting extends object
    ? { readonly [Key in keyof Setting]?: Given<Setting[Key]> }
    : Setting

/** What a YAML file holds, typed: every setting that has a default may be left out. `parseConfig` fills them in. */
export type ConfigInput = Given<ResolvedConfig>
