/**
 * The page of a report, and in it a page for each trial, shown for the fragment `#trial-ID`. All data are in the file,
 * packed; what is shown of them is made of text, never of markup.
 */
"use strict"
;(() => {
  const { all, byId, element, figureOf, forget, tip } = window.fliqsReport

  /** The data of an element with packed JSON. */
  const unpacked = async (id) => {
    const packed = byId(id)
    if (packed === null) return undefined
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0))
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))
    return JSON.parse(await new Response(stream).text())
  }

  const overview = byId("overview")
  const page = byId("trial")
  const title = document.title
  const ids = () =>
    all("#trials tbody tr")
      .filter((row) => !row.hidden)
      .map((row) => row.dataset.id)

  const table = (caption, heads, rows) =>
    element(
      "div",
      { className: "scroll" },
      element(
        "table",
        {},
        element("caption", { textContent: caption }),
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            ...heads.map((head) => element("th", { textContent: head, scope: "col" })),
          ),
        ),
        element(
          "tbody",
          {},
          ...rows.map(([first, ...rest]) =>
            element(
              "tr",
              {},
              element("th", { textContent: first, scope: "row" }),
              ...rest.map((cell) =>
                element("td", {
                  textContent: String(cell),
                  className: typeof cell === "number" ? "number" : "",
                }),
              ),
            ),
          ),
        ),
      ),
    )

  const commandOf = ([words, command]) => {
    const copy = element("button", { type: "button", className: "plain", textContent: "Copy" })
    copy.setAttribute("aria-label", `Copy: ${words}`)
    copy.addEventListener("click", async () => {
      const code = copy.parentElement.nextElementSibling
      getSelection().selectAllChildren(code)
      try {
        await navigator.clipboard.writeText(command)
        copy.textContent = "Copied"
      } catch {
        copy.textContent = "Selected"
      }
    })
    return element(
      "div",
      {},
      element("p", { textContent: `${words} ` }, copy),
      element("pre", { className: "command", tabIndex: 0, textContent: command }),
    )
  }

  const link = (id, words) =>
    element("a", {
      href: id === undefined ? "#trials-section" : `#trial-${id}`,
      textContent: words,
    })

  const show = async (id) => {
    const data = await unpacked(`packed-${id}`)
    if (data === undefined || location.hash !== `#trial-${id}`) return
    forget(page)
    const order = ids()
    const place = order.indexOf(id)
    const heading = element("h2", { textContent: data.label, tabIndex: -1 })
    const neighbours = [
      [order[place - 1], "Previous trial"],
      [order[place + 1], "Next trial"],
    ].filter(([other]) => other !== undefined && place >= 0)
    page.replaceChildren(
      element(
        "nav",
        { ariaLabel: "Trial" },
        element(
          "ul",
          {},
          element("li", {}, link(undefined, "All trials")),
          ...neighbours.map(([other, words]) => element("li", {}, link(other, words))),
        ),
      ),
      heading,
      element("p", { className: "soft", textContent: data.facts }),
      ...(data.alarms.length === 0
        ? []
        : [
            element("h3", { textContent: "Alarms" }),
            element(
              "ul",
              {},
              ...data.alarms.map((text) =>
                element("li", { className: "alarm", textContent: text }),
              ),
            ),
          ]),
      element("h3", { textContent: "Results" }),
      element(
        "div",
        { className: "columns" },
        table("Final metrics", ["metric", "value", "what it is"], data.metrics),
        ...(data.layers.length === 0
          ? []
          : [
              table(
                "Layers",
                ["layer", "weights", "activations", "MMACs", "share of cost"],
                data.layers,
              ),
            ]),
        ...(data.assignment.length === 0
          ? []
          : [table("Assignment", ["decision", "choice"], data.assignment)]),
      ),
      ...data.pictures.map((picture) => figureOf({ ...picture, name: `${picture.name}-${id}` })),
      element("h3", { textContent: "Commands" }),
      ...data.commands.map(commandOf),
      element("h3", { textContent: "Declaration" }),
      element("p", {
        className: "soft",
        textContent: "Everything that the result depends on, as it was trained (trial.yaml).",
      }),
      element("pre", { tabIndex: 0, textContent: data.yaml }),
    )
    overview.hidden = true
    page.hidden = false
    document.title = `${data.label} - ${title}`
    scrollTo(0, 0)
    heading.focus()
  }

  const route = () => {
    tip.hidden = true
    const id = /^#trial-([0-9a-f]{16})$/.exec(location.hash)?.[1]
    if (id !== undefined) return void show(id)
    forget(page)
    page.hidden = true
    page.replaceChildren()
    overview.hidden = false
    document.title = title
    const target = location.hash.length > 1 ? byId(location.hash.slice(1)) : null
    if (target !== null) target.scrollIntoView()
  }
  addEventListener("hashchange", route)

  const beginPage = async () => {
    const pictures = byId("pictures")
    for (const { dataset } of all("script[data-picture]")) {
      const data = await unpacked(`picture-data-${dataset.picture}`)
      pictures.append(figureOf(data))
    }
    document.documentElement.dataset.ready = "true"
  }
  route()
  void beginPage()
})()
