/** The flags of `fliqs cost` that name the files of costs: one for each kind of cost that reads a file. */
import { kinds } from "../cost/Costs.ts"
import { maybe } from "./Flags.ts"

export const costFiles = Object.fromEntries(
  kinds.flatMap(({ column: { flag }, kind }) =>
    flag === undefined ? [] : [[kind, maybe(kind, "FILE", flag)]],
  ),
)
