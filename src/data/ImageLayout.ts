/**
 * Which folders of a data set hold what: by their names and by whether they hold folders, without a look at the images.
 *
 *     DIR/train/CLASS/*, DIR/test/CLASS/*      also `training`, `testing`, in upper or lower case
 *     DIR/train/CLASS/*, DIR/val/CLASS/*       `val`, `validation`, `valid` or `dev` is the test split where there is no other
 *     all three                                held-out images come from the validation folder
 *     DIR/CLASS/*                              a share of each class is set apart for the test
 *     DIR/ONE/...                              a folder that holds but one folder of such is passed through
 *
 * A `test` folder without class folders has no labels (ILSVRC) and is passed over, with a word. A folder with such a name
 * that holds images itself, beside folders of other names, is a class. Left out: the images (`ImageFiles.ts`).
 */
import { lstatSync, realpathSync } from "node:fs"
import * as nodePath from "node:path"
import { pathText } from "../declaration/Errors.ts"
import { didYouMean } from "../declaration/Suggest.ts"
import { danglingLink, type Links } from "./ImageBytes.ts"
import { examples, type Inside, inside, isImageName, statOf, UnfitFolder } from "./ImageListing.ts"

/** What a person may say of the folders. */
export interface Choice {
  readonly links?: Links
  /** The folder of the test split. */
  readonly test?: string
  /** The folder that held-out images come from; `train`: out of the train split. */
  readonly heldOutFrom?: string
}

export interface Layout {
  /** Absolute, without links; lies under `path` where that holds one folder only. */
  readonly root: string
  /** The folder of the train split; undefined: the classes lie in the root itself. */
  readonly train: string | undefined
  /** The folder of the test split; undefined: a share of the other is set apart. */
  readonly test: string | undefined
  /** The folder of held-out images; undefined: they come out of the train split. */
  readonly heldOut: string | undefined
  /** Folders beside them that would be a split by their name or their classes, and are not used. */
  readonly unused: ReadonlyArray<string>
  /** Folders beside splits that are none. */
  readonly others: ReadonlyArray<string>
  /** Absolute paths of the folders that were passed through on the way to the root. */
  readonly passedThrough: ReadonlyArray<string>
  /** What a person should know. */
  readonly warnings: ReadonlyArray<string>
}

/** In the order of preference. */
const roles = {
  train: ["train", "training"],
  val: ["val", "validation", "valid", "dev"],
  test: ["test", "testing"],
} as const
type Role = keyof typeof roles

const rankOf = (role: Role, name: string): number =>
  (roles[role] as ReadonlyArray<string>).indexOf(name.toLowerCase())
const roleOf = (name: string): Role | undefined =>
  (["train", "val", "test"] as const).find((role) => rankOf(role, name) >= 0)

/** What a folder is called that stands for a class where there are no labels. */
const withoutLabels = new Set(["images", "imgs", "unknown", "unlabeled", "unlabelled"])

const hasImages = ({ rest }: Inside): boolean => rest.some(isImageName)

/** Whether a folder is a split, of folders of classes, rather than itself a class. */
const isSplit = (within: Inside): boolean =>
  within.folders.length > 1 || (within.folders.length === 1 && !hasImages(within))

/** Goes through folders that hold one folder and no images, as an unpacked archive has them. */
const rootOf = (path: string, links: Links) => {
  const passedThrough: Array<string> = []
  let root = realpathSync(path)
  let within = inside(root, root, links)
  while (within.folders.length === 1 && !hasImages(within) && passedThrough.length < 8) {
    const [only] = within.folders
    if (roleOf(only!) !== undefined) break
    const next = realpathSync(nodePath.join(root, only!))
    const below = inside(next, next, links)
    if (below.folders.length === 0) break
    passedThrough.push(root)
    root = next
    within = below
  }
  return { root, within, passedThrough }
}

const named = (folders: ReadonlyArray<string>, role: Role): ReadonlyArray<string> =>
  folders
    .filter((name) => rankOf(role, name) >= 0)
    .sort(
      (a, b) =>
        rankOf(role, a) - rankOf(role, b) ||
        // `train` before `Train`
        Number(a !== a.toLowerCase()) - Number(b !== b.toLowerCase()) ||
        (a < b ? -1 : 1),
    )

const listed = (names: ReadonlyArray<string>): string => names.map(pathText).join(", ")

/** No folder of training images: the classes lie in the root itself, if they are classes. */
const flat = (
  path: string,
  { folders, dangling }: Inside,
  of: (name: string) => Inside,
  { test, heldOutFrom }: Choice,
): Pick<Layout, "warnings"> => {
  const split = dangling.find((name) => roleOf(name) !== undefined)
  if (split !== undefined)
    throw new UnfitFolder(
      `${pathText(nodePath.join(path, split))} is ${danglingLink(nodePath.join(path, split))}`,
    )
  const asked = test === undefined ? (heldOutFrom === "train" ? undefined : heldOutFrom) : test
  if (asked !== undefined)
    throw new UnfitFolder(
      `${pathText(asked)} needs a folder train beside it, and ${pathText(path)} has none`,
      test === undefined ? "heldOutFrom" : "test",
    )
  const like = folders.filter((name) => roleOf(name) !== undefined)
  const splits = like.filter((name) => isSplit(of(name)))
  const [first] = splits.length > 0 ? splits : like
  if (first === undefined || (splits.length === 0 && like.length < folders.length))
    return {
      warnings:
        like.length === 0
          ? []
          : [
              `${listed(like)} in ${pathText(path)} ${like.length === 1 ? "is taken for a class" : "are taken for classes"}: images lie directly in it, and other folders beside it`,
            ],
    }
  const train = like.find((name) => roleOf(name) === "train")
  throw new UnfitFolder(
    train === undefined
      ? `${pathText(path)} has the folder ${pathText(first)} but no folder train beside it`
      : `${pathText(nodePath.join(path, train))} has no folders of classes; a folder with the images of each class in it would be right`,
  )
}

/** The folder that a person named; throws where it cannot be a split. */
const chosen = (
  path: string,
  folders: ReadonlyArray<string>,
  hasLabels: (name: string) => boolean,
  key: "test" | "heldOutFrom",
  name: string,
  taken: ReadonlyArray<string>,
): string => {
  if (!folders.includes(name))
    throw new UnfitFolder(
      `${pathText(path)} has no folder ${pathText(name)}; ${didYouMean(name, folders)}`,
      key,
    )
  if (taken.includes(name))
    throw new UnfitFolder(
      `${pathText(name)} is the ${name === taken[0] ? "train" : "test"} split already; another folder would be right`,
      key,
    )
  if (!hasLabels(name))
    throw new UnfitFolder(
      `${pathText(nodePath.join(path, name))} has no folders of classes, and so no labels; another folder would be right`,
      key,
    )
  return name
}

/** Which folders hold what; throws `UnfitFolder`. */
export const layoutOf = (path: string, choice: Choice): Layout => {
  const { links = "refuse" } = choice
  if (statOf(path)?.isDirectory() !== true) {
    const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined
    throw new UnfitFolder(
      `${pathText(path)} ${isThere ? "is no folder" : "is missing"}; a folder with a folder per class, or with train and test folders of such, would be right`,
    )
  }
  const { root, within, passedThrough } = rootOf(path, links)
  const { folders } = within
  const known = new Map<string, Inside>()
  const of = (name: string): Inside => {
    const before = known.get(name) ?? inside(root, nodePath.join(root, name), links)
    known.set(name, before)
    return before
  }
  const found = { root, passedThrough }
  const train = named(folders, "train").find((name) => isSplit(of(name)))
  if (train === undefined)
    return {
      ...found,
      train,
      test: undefined,
      heldOut: undefined,
      unused: [],
      others: [],
      ...flat(root, within, of, choice),
    }
  const broken = within.dangling.find((name) => roleOf(name) !== undefined)
  if (broken !== undefined)
    throw new UnfitFolder(
      `${pathText(nodePath.join(root, broken))} is ${danglingLink(nodePath.join(root, broken))}`,
    )
  return { ...found, train, ...beside(root, train, folders, of, choice) }
}

/** The other splits, beside a folder of training images. */
const beside = (
  root: string,
  train: string,
  folders: ReadonlyArray<string>,
  of: (name: string) => Inside,
  choice: Choice,
): Omit<Layout, "root" | "train" | "passedThrough"> => {
  const classes = new Set(of(train).folders)
  const hasLabels = (name: string): boolean => {
    const { folders: inner } = of(name)
    const [first] = inner
    if (first === undefined) return false
    return inner.length > 1 || classes.has(first) || !withoutLabels.has(first.toLowerCase())
  }
  const isOther = (name: string) => name !== train
  const [tests, vals] = (["test", "val"] as const).map((role) =>
    named(folders.filter(isOther), role),
  )
  const test =
    choice.test === undefined
      ? [...tests!, ...vals!].find(hasLabels)
      : chosen(root, folders, hasLabels, "test", choice.test, [train])
  const isFromTrain =
    choice.heldOutFrom === undefined
      ? test === undefined || roleOf(test) === "val"
      : choice.heldOutFrom === "train" || choice.heldOutFrom === train
  const heldOut = isFromTrain
    ? undefined
    : choice.heldOutFrom === undefined
      ? vals!.find((name) => name !== test && hasLabels(name))
      : chosen(root, folders, hasLabels, "heldOutFrom", choice.heldOutFrom, [
          train,
          ...(test === undefined ? [] : [test]),
        ])
  const left = folders.filter((name) => ![train, test, heldOut].includes(name))
  const unused = left.filter((name) => roleOf(name) !== undefined || hasClassOf(classes, of, name))
  const others = left.filter((name) => !unused.includes(name))
  const unlabelled = unused.filter((name) => !hasLabels(name))
  const unchosen = unused.filter(hasLabels)
  return {
    test,
    heldOut,
    unused,
    others,
    warnings: [
      ...unlabelled.map(
        (name) =>
          `${pathText(nodePath.join(root, name))} has no folders of classes, and so no labels: it is passed over`,
      ),
      ...(unchosen.length === 0
        ? []
        : [
            `${listed(unchosen)} in ${pathText(root)} ${unchosen.length === 1 ? "is" : "are"} not used; data.test and data.heldOutFrom say which folders are`,
          ]),
      ...(others.length === 0
        ? []
        : [
            `${examples(others)} beside ${pathText(train)} ${others.length === 1 ? "is no split and is" : "are no splits and are"} passed over`,
          ]),
    ],
  }
}

/** Whether a folder of any name is a split, too. What cannot be looked into is none. */
const hasClassOf = (
  classes: ReadonlySet<string>,
  of: (name: string) => Inside,
  name: string,
): boolean => {
  try {
    return of(name).folders.some((inner) => classes.has(inner))
  } catch (error) {
    if (!(error instanceof UnfitFolder)) throw error
    return false
  }
}
