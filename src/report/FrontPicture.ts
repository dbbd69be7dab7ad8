/**
 * A picture of a Pareto front: a dot for every trial; those on the front are filled, named and joined. SVG without scripts
 * or external parts. Left out: which trials are on the front (`Pareto.ts`).
 */
import { border, ends, escape, picture } from "./Svg.ts"

export interface FrontPoint {
  readonly name: string
  readonly x: number
  readonly y: number
  readonly isOnFront: boolean
}

const left = 80
const plot = { width: 520, height: 320 }
const top = 44

const short = (value: number): string => String(Number(value.toPrecision(4)))

/** The lowest and highest value, extended by a twentieth of their distance. */
const bounds = (values: ReadonlyArray<number>): readonly [number, number] => {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const margin = (high - low || Math.abs(high) || 1) / 20
  return [low - margin, high + margin]
}

const longest = 60

/** The name of a point; of several points at one place the first name, and how many more there are. */
const labelOf = ([first, ...others]: ReadonlyArray<FrontPoint>): string => {
  const { name } = first!
  const cut = name.length > longest ? `${name.slice(0, longest - 3)}...` : name
  return others.length === 0 ? cut : `${cut} and ${others.length} more`
}

/** The picture as an SVG document; without points it shows only the names of the axes. */
export const frontPicture = (
  points: ReadonlyArray<FrontPoint>,
  names: { readonly title: string; readonly x: string; readonly y: string },
): string => {
  const width = left + plot.width + 140
  const height = top + plot.height + 50
  const bottom = top + plot.height
  const [lowX, highX] = bounds(points.map(({ x }) => x))
  const [lowY, highY] = bounds(points.map(({ y }) => y))
  const at = ({ x, y }: FrontPoint) =>
    [
      (left + (plot.width * (x - lowX)) / (highX - lowX)).toFixed(1),
      (bottom - (plot.height * (y - lowY)) / (highY - lowY)).toFixed(1),
    ] as const
  const front = points.filter(({ isOnFront }) => isOnFront).toSorted((a, b) => a.x - b.x)
  const dots = points.map((point) => {
    const [x, y] = at(point)
    return `<circle cx="${x}" cy="${y}" r="4" fill="${point.isOnFront ? "#3b528b" : "#fff"}" stroke="#3b528b"/>`
  })
  const places = new Map<string, Array<FrontPoint>>()
  for (const point of front) {
    const place = at(point).join()
    places.set(place, [...(places.get(place) ?? []), point])
  }
  const labels = [...places.values()].map((together) => {
    const [x, y] = at(together[0]!)
    const [dx, anchor] = Number(x) < left + plot.width / 2 ? [8, "start"] : [-8, "end"]
    return `<text x="${Number(x) + dx}" y="${Number(y) + 14}" text-anchor="${anchor}" font-size="11">${escape(labelOf(together))}</text>`
  })
  const bounded = [
    ...ends(left, left + plot.width, bottom + 18, [short(lowX), short(highX)]),
    `<text x="${left - 8}" y="${bottom}" text-anchor="end" fill="#555">${short(lowY)}</text>`,
    `<text x="${left - 8}" y="${top + 10}" text-anchor="end" fill="#555">${short(highY)}</text>`,
  ]
  const path = front.map((point) => at(point).join(",")).join(" ")
  return picture({ width, height }, { left, text: names.title }, [
    `<text x="${left}" y="36" fill="#555">${escape(names.y)}</text>`,
    border(left, top, plot),
    ...(points.length === 0
      ? []
      : [
          `<polyline points="${path}" fill="none" stroke="#21918c"/>`,
          ...dots,
          ...labels,
          ...bounded,
        ]),
    `<text x="${left + plot.width / 2}" y="${bottom + 36}" text-anchor="middle" fill="#555">${escape(names.x)}</text>`,
  ])
}
