/**
 * Which file of a run's folder is its spool. The first attempt of a trial writes `spool.jsonl`. A later one goes on in a
 * copy of its own, `attempt.N/spool.jsonl`, so that what an earlier one still writes after it was frozen for a while, even
 * in the middle of a call, is written to a file that nobody reads any more. `spool.jsonl` is a second name of the newest.
 */
import * as fs from "node:fs"
import { fileName } from "./Spool.ts"

/** The folder of an attempt, as its fence makes it. */
const attemptFolder = /^attempt\.(\d+)$/

const attemptsIn = (folder: string): ReadonlyArray<number> => {
  try {
    return fs
      .readdirSync(folder)
      .flatMap((name) => attemptFolder.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a)
  } catch {
    return []
  }
}

const ofAttempt = (folder: string, attempt: number): string =>
  `${folder}/attempt.${attempt}/${fileName}`

/** The spool of a run's folder: that of the newest attempt that has one. */
export const spoolOf = (folder: string): string => {
  const newest = attemptsIn(folder).find((attempt) => fs.existsSync(ofAttempt(folder, attempt)))
  return newest === undefined ? `${folder}/${fileName}` : ofAttempt(folder, newest)
}

const sync = (path: string): void => {
  const fd = fs.openSync(path, "r")
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Gives a file a second name, which may be taken; where that is not possible, the first one stays the only one. */
const alsoCalled = (file: string, name: string): void => {
  const temporary = `${file}.link`
  try {
    fs.rmSync(temporary, { force: true })
    fs.linkSync(file, temporary)
    fs.renameSync(temporary, name)
  } catch {
    fs.rmSync(temporary, { force: true })
  }
}

/**
 * Makes the spool that an attempt goes on with; gives its path. Whole or not at all.
 *
 * @param may whether no newer attempt has begun
 * @throws what the file system said
 */
export const takeOver = (folder: string, attempt: number, may: () => boolean): string => {
  const alias = `${folder}/${fileName}`
  if (attempt === 0) return alias
  const own = ofAttempt(folder, attempt)
  const before = spoolOf(folder)
  if (before === own || !fs.existsSync(before)) return before === own ? own : alias
  const temporary = `${own}.copy`
  fs.copyFileSync(before, temporary, fs.constants.COPYFILE_FICLONE)
  sync(temporary)
  fs.renameSync(temporary, own)
  sync(`${folder}/attempt.${attempt}`)
  if (!may()) return own
  alsoCalled(own, alias)
  // What earlier attempts wrote is in the copy.
  for (const earlier of attemptsIn(folder).filter((one) => one < attempt))
    fs.rmSync(ofAttempt(folder, earlier), { force: true })
  return own
}
