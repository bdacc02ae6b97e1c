/** Names on the Hugging Face hub. */

/** True for `owner/name`. */
export function isHubName(text: string): boolean {
  return /^[\w.-]+\/[\w.-]+$/.test(text) && text.split("/").every((part) => !/^\.+$/.test(part))
}

/** True for the hash of a commit, which always means the same files. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision)
}
