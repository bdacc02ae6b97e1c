/**
 * Files as they should be: hashes and the manifests that hold them, folders that can be made, and files of others that
 * are opened without waiting and read within a size.
 */
export { addFile, hashFile, hashOf, hashesBelow, newHash } from "./file-hashes.ts"
export type { FileHashes } from "./file-hashes.ts"
export {
  Damage,
  checkFiles,
  checkModelFiles,
  checkModelFolder,
  checkpointManifest,
  modelManifest,
  readManifest,
  writeManifest,
  writeModelManifest,
} from "./manifest.ts"
export type { Manifest } from "./manifest.ts"
export { makeFolder } from "./make-folder.ts"
export { openFile, readBounded, readBoundedText } from "./regular-file.ts"
export type { Refusal } from "./regular-file.ts"
export { engineStateFile, isModelFile, optimizerFile, trainerStateFile, valueHeadFile } from "./saved-files.ts"
