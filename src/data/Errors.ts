/**
 * What can go wrong with a data set: it is not there and cannot be had, or what is there is not what it should be.
 *
 * Both belong to the trial family (`house.md`): the trial fails, trying it again without the fix would fail again,
 * unless the machine ran out of something that may come back.
 */
import { Schema } from "effect"
import { pathText } from "../declaration/Errors.ts"
import * as Shortage from "../disk/Shortage.ts"

const fields = {
  /** The kind: `cifar10`. */
  dataset: Schema.String,
  /** The file or folder. */
  where: Schema.String,
  /** What is wrong. */
  what: Schema.String,
  /** What would make it right: words or a command. */
  fix: Schema.String,
}

/** The data set is not there and could not be fetched. */
export class DatasetMissing extends Schema.TaggedError<DatasetMissing>()("DatasetMissing", fields) {
  override get message(): string {
    return `data set ${this.dataset} is missing: ${pathText(this.where)}: ${this.what}; ${this.fix}`
  }

  get isRetryable(): boolean {
    return this.shortage !== undefined
  }

  /** What the machine ran out of while it was fetched or read; undefined when it is something else. */
  get shortage(): Shortage.Shortage | undefined {
    return Shortage.ofWords(this.what)
  }
}

/** A file of the data set is cut short, changed, or not of its format. */
export class DatasetCorrupt extends Schema.TaggedError<DatasetCorrupt>()("DatasetCorrupt", fields) {
  override get message(): string {
    return `data set ${this.dataset} is corrupt: ${pathText(this.where)}: ${this.what}; ${this.fix}`
  }

  get isRetryable(): boolean {
    return false
  }

  get shortage(): undefined {
    return undefined
  }
}

export type DatasetError = DatasetMissing | DatasetCorrupt
