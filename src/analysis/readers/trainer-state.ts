/** trainer_state.json of transformers and TRL: `log_history`, one entry per logged step and one per evaluation. */
import { isObject, type JsonObject } from "./json-log.ts"
import { TableBuilder, type LogTable } from "./log-table.ts"

export function isTrainerState(document: unknown): document is JsonObject & { readonly log_history: readonly unknown[] } {
  return isObject(document) && Array.isArray(document["log_history"])
}

/** A training row is the mean over the steps since the row before it (`logging_steps`). */
export function readTrainerState(document: { readonly log_history: readonly unknown[] }): LogTable {
  const table = new TableBuilder()
  for (const entry of document.log_history) {
    if (isObject(entry)) table.addRecord(entry)
    else table.unreadable++
  }
  return table.finish("trainer_state.json")
}
