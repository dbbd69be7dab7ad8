/** What `doctor` finds. */

export interface Finding {
  readonly name: string
  /** `problem` keeps fliqs from working, `warning` only limits it. */
  readonly state: "ok" | "warning" | "problem"
  readonly found: string
  /** The fix; absent when all is well. */
  readonly fix?: string
}
