/** Whatever a name holds, a picture stays XML that a reader takes, with the name in it. */
import { execFileSync } from "node:child_process"
import { expect, it } from "vitest"
import { frontPicture } from "../../src/report/FrontPicture.ts"
import { escape } from "../../src/report/Svg.ts"

const names = [
  `a & b < c > "d" 'e' ]]>`,
  "line\nbreak\u0000\u0001\u001b[31m\u007f",
  "lone \ud800 and \udfff, \uffff",
  "😀 ünï",
  "<script>alert(1)</script><!-- -->",
]

const parse = `import sys, xml.dom.minidom
print("\\n".join(t.firstChild.data for t in xml.dom.minidom.parseString(sys.stdin.buffer.read()).getElementsByTagName("text")))`

it.each(names)("a picture with %j is XML", (name) => {
  const points = [
    { name, x: 1, y: 1, isOnFront: true },
    { name: "other", x: 2, y: 2, isOnFront: true },
  ]
  const svg = frontPicture(points, { title: name, x: name, y: name })
  const texts = execFileSync("python3", ["-c", parse], { input: svg, encoding: "utf8" })
  expect(texts).toContain(
    name.replace(
      /[\0\u0001\u001b\uffff]|[\ud800-\udfff](?![\udc00-\udfff])(?<![\ud800-\udbff][\udc00-\udfff])/g,
      "\ufffd",
    ),
  )
})

it("escapes what XML cannot hold", () => {
  expect(escape("\u0000\u0008\u000b\u001f\ufffe\ud800")).toBe("\ufffd".repeat(6))
  expect(escape("\t\n\r 😀")).toBe("\t\n\r 😀")
})
