/**
 * The files of `fliqs demo`: a static page that runs a found network in a browser, with nothing from a network.
 *
 * The graph model, its weights, the WebAssembly module and the test images are texts in scripts, a third larger than
 * they are in bytes: so the page also works where it is opened from a disk, from which a page may fetch nothing. Left
 * out: the page itself (`demo/` beside `src/`), choosing the images (`cli/command/Demo.ts`).
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import sharp from "sharp"
import { root } from "../../disk/Installation.ts"
import { valueOf } from "../../space/Quantity.ts"
import { browserRuntime } from "../../tensor/BrowserRuntime.ts"
import type { FoundModel } from "../FoundModel.ts"
import type { ExportedFile } from "../Target.ts"

/** A test image as the network sees it: bytes [height, width, channels]. */
export interface DemoImage {
  readonly bytes: Uint8Array
  readonly label: number
}

/** What the network costs, and how the layers share it, in the order of the layer table. */
export interface DemoCost {
  /** For people: the number of all layers. */
  readonly total: string
  readonly unit: string
  readonly shares: ReadonlyArray<number>
}

const pages = ["index.html", "style.css", "page.js"]

const pngOf = async (bytes: Uint8Array, { network }: FoundModel): Promise<string> => {
  const { channels, height, width } = network.graph.input
  if (channels !== 1 && channels !== 3)
    throw new Error(`an image has 1 or 3 channels, not ${channels}`)
  const png = await sharp(bytes, { raw: { channels, height, width } }).png().toBuffer()
  return `data:image/png;base64,${png.toString("base64")}`
}

const layersOf = ({ network }: FoundModel, { shares }: DemoCost) =>
  network.table.layers.map(({ activationFormat, kind, macs, path, weightFormat }, i) => ({
    path,
    kind,
    weights: weightFormat.formats[0]!.name,
    activations: activationFormat.formats[0]!.name,
    macs: valueOf(macs, []),
    share: shares[i]!,
  }))

const base64 = (parts: ReadonlyArray<Uint8Array>): string => Buffer.concat(parts).toString("base64")

const script = (path: string, name: string, value: unknown): ExportedFile => ({
  path,
  parts: [Buffer.from(`window.${name} = ${JSON.stringify(value)}\n`)],
})

/** @param exported the files of `--to tfjs --input uint8` */
export const demoFiles = async (
  model: FoundModel,
  exported: ReadonlyArray<ExportedFile>,
  images: ReadonlyArray<DemoImage>,
  cost: DemoCost,
): Promise<ReadonlyArray<ExportedFile>> => {
  const [topology, ...shards] = exported
  const graph = JSON.parse(textOf(topology!)) as {
    readonly userDefinedMetadata: Readonly<Record<string, string>>
  }
  const { network } = model
  const data = {
    name: network.name,
    input: network.graph.input,
    classes: model.classNames,
    metadata: graph.userDefinedMetadata,
    images: await Promise.all(
      images.map(async ({ bytes, label }) => ({ label, png: await pngOf(bytes, model) })),
    ),
    cost: { total: cost.total, unit: cost.unit },
    layers: layersOf(model, cost),
    model: graph,
    weights: base64(shards.flatMap(({ parts }) => parts)),
  }
  const { scripts, wasm } = browserRuntime()
  return [
    ...pages.map((path) => ({ path, parts: [readFileSync(join(root, "demo", path))] })),
    script("data.js", "fliqsDemo", data),
    ...Object.entries(scripts).map(([name, part]) => ({ path: `runtime/${name}`, parts: [part] })),
    script("runtime/wasm.js", "fliqsWasm", base64([wasm])),
  ]
}

const textOf = ({ parts }: ExportedFile): string => Buffer.concat(parts).toString("utf8")
