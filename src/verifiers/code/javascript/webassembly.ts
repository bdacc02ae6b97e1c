/** The part of WebAssembly that is used here: the types of the language have it for browsers only. */

declare global {
  namespace WebAssembly {
    type Module = object
    const Module: new (bytes: Uint8Array) => Module
    class Memory {
      readonly buffer: ArrayBuffer
      /** In pages of 64 KiB. */
      constructor(size: { readonly initial: number; readonly maximum: number })
    }
    type Imports = Record<string, Record<string, unknown>>
    type Exports = Record<string, unknown>
    class Instance {
      readonly exports: Exports
      constructor(module: Module, imports: Imports)
    }
  }
}

export {}
