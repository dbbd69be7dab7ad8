/**
 * The `$schema` of a file, which an editor reads for hovers and completion: the reference from a folder to a schema of this
 * program, and a warning for a reference to a file that does not exist, as in a file that was copied by hand.
 */
import { existsSync } from "node:fs"
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path"
import type { Document } from "../declaration/Document.ts"
import { DeclarationError } from "../declaration/Errors.ts"
import { root } from "../disk/Installation.ts"

/**
 * The reference from `folder` (absolute) to the schema of a `space` or an `experiment`: relative if the program is part of
 * the same project, because the folder can then move with it; else absolute.
 */
export const schemaReference = (folder: string, schema: string): string => {
  const target = join(root, "schemas", `${schema}.schema.json`)
  const modules = root.lastIndexOf(`${sep}node_modules${sep}`)
  const project = modules < 0 ? `${root}${sep}` : root.slice(0, modules + 1)
  const within = `${folder}${sep}`.startsWith(project)
  const reference = within ? relative(folder, target).replaceAll(sep, "/") : target
  // An editor reads it as a reference of a URL, where `%`, `#`, `?` and a space mean something else.
  return reference.split("/").map(encodeURIComponent).join("/").replaceAll("%40", "@")
}

/** The file that a reference names, without its fragment; undefined for an address of the net. */
const fileOf = (reference: string, folder: string): string | undefined => {
  const [path] = reference.split("#")
  if (path === undefined || path === "" || /^[a-z][a-z0-9+.-]+:/i.test(path)) return undefined
  try {
    const plain = decodeURIComponent(path)
    return isAbsolute(plain) ? plain : resolve(folder, plain)
  } catch {
    return undefined
  }
}

/** A warning where the `$schema` of a file names a file that does not exist. */
export const deadReferences = (
  { file, locate, value }: Document,
  schema: "space" | "experiment",
): ReadonlyArray<DeclarationError> => {
  const reference = (value as { readonly $schema?: unknown } | null)?.$schema
  if (typeof reference !== "string") return []
  const folder = resolve(dirname(file))
  const target = fileOf(reference, folder)
  if (target === undefined || existsSync(target)) return []
  const message = `no such file, so an editor has no hovers and no completion here; ${schemaReference(folder, schema)} would be right`
  return [new DeclarationError({ ...locate(["$schema"]), path: "$schema", message })]
}
