/**
 * The pictures of a report: drawn by Vega when they come near, in the theme of the reader, in light where they are printed.
 * What a tooltip shows is made of text, never of markup. `window.fliqsReport` is what the scripts of the page share.
 */
"use strict"
;(() => {
  const { fliqsInterpreter: expressionInterpreter, vega, vegaLite } = window
  const byId = (id) => document.getElementById(id)
  const all = (selector, within = document) => [...within.querySelectorAll(selector)]
  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties)
    made.append(...children)
    return made
  }
  const configs = JSON.parse(byId("configs").textContent)

  const dark = matchMedia("(prefers-color-scheme: dark)")
  const themeNow = () => (dark.matches ? "dark" : "light")
  const fonts = document.fonts.load('12px "IBM Plex Sans"')
  const boldFonts = document.fonts.load('600 12px "IBM Plex Sans"')
  /** Holder of a picture -> its specification and view. */
  const drawn = new Map()

  const tip = byId("tip")
  const showTip = (_handler, event, _item, value) => {
    tip.hidden = value === null || value === undefined || value === ""
    if (tip.hidden) return
    const rows = typeof value === "object" ? Object.entries(value) : [["", String(value)]]
    tip.replaceChildren(
      element(
        "table",
        {},
        ...rows.map(([key, word]) =>
          element(
            "tr",
            {},
            element("th", { textContent: key, scope: "row" }),
            element("td", { textContent: String(word) }),
          ),
        ),
      ),
    )
    const { height, width } = tip.getBoundingClientRect()
    const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - width - 8)
    const above = event.clientY + 14 + height > innerHeight
    tip.style.left = `${Math.max(4, left) + scrollX}px`
    tip.style.top = `${(above ? event.clientY - height - 10 : event.clientY + 14) + scrollY}px`
  }

  const viewOf = (spec, theme) => {
    const config = { ...configs[theme], background: null, padding: 2 }
    const logger = vega.logger(vega.Error)
    const { spec: compiled } = vegaLite.compile(spec, { config, logger })
    return new vega.View(vega.parse(compiled, undefined, { ast: true }), {
      expr: expressionInterpreter,
      logger,
    })
  }

  /** Many marks are drawn on a canvas, which browsers do faster. */
  const isLarge = (spec) => JSON.stringify(spec).length > 400_000

  const draw = (holder, spec, theme) => {
    drawn.get(holder)?.view.finalize()
    holder.replaceChildren()
    const view = viewOf(spec, theme)
    view.tooltip(showTip)
    view.renderer(isLarge(spec) ? "canvas" : "svg")
    view.initialize(holder)
    view.run()
    // an image with words of its own; Vega calls it a document
    holder.setAttribute("role", "img")
    holder.setAttribute("aria-label", spec.description)
    holder.removeAttribute("aria-roledescription")
    for (const made of all("svg, canvas", holder)) made.setAttribute("aria-hidden", "true")
    view.addEventListener("click", (_event, item) => {
      const id = item?.datum?.id
      if (typeof id === "string" && byId(`packed-${id}`) !== null) location.hash = `trial-${id}`
    })
    drawn.set(holder, { spec, view })
    holder.dataset.drawn = theme
  }

  const save = (name, blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: name })
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  }

  /** A figure with its picture, its words, and what it can be saved as. */
  const figureOf = ({ description, name, spec, title }) => {
    const holder = element("div", { className: "picture", role: "img", ariaLabel: description })
    holder.tabIndex = 0
    const button = (words, act) => {
      const made = element("button", { type: "button", className: "plain", textContent: words })
      made.setAttribute("aria-label", `${words}: ${title}`)
      made.addEventListener("click", act)
      return made
    }
    const figure = element(
      "figure",
      { id: `picture-${name}` },
      holder,
      element(
        "figcaption",
        {},
        button("Save as SVG", async () => {
          const view = viewOf(spec, themeNow())
          save(`${name}.svg`, new Blob([await view.toSVG()], { type: "image/svg+xml" }))
          view.finalize()
        }),
        button("Save as Vega-Lite", () => {
          save(
            `${name}.vl.json`,
            new Blob([JSON.stringify(spec, undefined, 1)], { type: "application/json" }),
          )
        }),
      ),
    )
    waiting.set(holder, spec)
    watcher.observe(holder)
    return figure
  }

  /** Pictures that have not been seen yet: drawn when they come near. */
  const waiting = new Map()
  const begin = async (holder) => {
    const spec = waiting.get(holder)
    if (spec === undefined) return
    waiting.delete(holder)
    watcher.unobserve(holder)
    await Promise.all([fonts, boldFonts])
    if (holder.isConnected) draw(holder, spec, themeNow())
  }
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) void begin(target)
    },
    { rootMargin: "400px" },
  )

  const drawAll = (theme) => {
    for (const [holder, spec] of waiting) {
      if (!holder.isConnected) continue
      waiting.delete(holder)
      watcher.unobserve(holder)
      draw(holder, spec, theme)
    }
    for (const [holder, { spec }] of drawn)
      if (holder.dataset.drawn !== theme) draw(holder, spec, theme)
  }
  const redraw = (theme) => {
    for (const [holder, { spec }] of drawn)
      if (holder.dataset.drawn !== theme) draw(holder, spec, theme)
  }
  dark.addEventListener("change", () => redraw(themeNow()))
  addEventListener("beforeprint", () => drawAll("light"))
  addEventListener("afterprint", () => redraw(themeNow()))
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") tip.hidden = true
  })

  /** Ends the views of pictures that leave the page. */
  const forget = (within) => {
    for (const [holder, { view }] of drawn)
      if (within.contains(holder)) {
        view.finalize()
        drawn.delete(holder)
      }
  }

  window.fliqsReport = { all, byId, element, figureOf, forget, tip }
})()
