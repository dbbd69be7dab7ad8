/** The tables of a report: sorted by the buttons in their heads, and the trials filtered by the form above them. */
"use strict"
;(() => {
  const { all, byId } = window.fliqsReport

  const keyOf = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent
  const compare = (a, b) => {
    if (a === "" || b === "") return Number(a === "") - Number(b === "")
    const [x, y] = [Number(a), Number(b)]
    return Number.isNaN(x) || Number.isNaN(y)
      ? a.localeCompare(b, undefined, { numeric: true })
      : x - y
  }
  const sortBy = (table, head) => {
    const heads = all("thead th", table)
    const column = heads.indexOf(head)
    const isFirst = head.getAttribute("aria-sort") === "none"
    const isDescending = isFirst
      ? head.dataset.first === "descending"
      : head.getAttribute("aria-sort") === "ascending"
    for (const other of heads)
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none")
    head.setAttribute("aria-sort", isDescending ? "descending" : "ascending")
    const body = table.tBodies[0]
    const rows = [...body.rows].map((row) => ({ row, key: keyOf(row, column) }))
    // what has no value stands last in either direction
    rows.sort((a, b) =>
      a.key === "" || b.key === "" || !isDescending ? compare(a.key, b.key) : compare(b.key, a.key),
    )
    body.append(...rows.map(({ row }) => row))
  }
  for (const table of all("table.sortable"))
    for (const head of all("th[aria-sort]", table))
      head.querySelector("button").addEventListener("click", () => sortBy(table, head))

  const form = byId("filter")
  const comparison = /^([^<>=!]+)(<=|>=|!=|<|>|=)(.+)$/
  const operators = {
    "<": (a, b) => a < b,
    ">": (a, b) => a > b,
    "<=": (a, b) => a <= b,
    ">=": (a, b) => a >= b,
    "=": (a, b) => a === b,
    "!=": (a, b) => a !== b,
  }
  const columns = all("#trials thead th").map((head) => head.dataset.key)
  /** Whether a row has a word, or a column compares as asked: `accuracy>0.6`. */
  const accepts = (row, word) => {
    const found = comparison.exec(word)
    const column =
      found === null
        ? -1
        : columns.findIndex((key) => key === found[1] || key.endsWith(`/${found[1]}`))
    if (column < 0) return row.textContent.toLowerCase().includes(word.toLowerCase())
    const given = keyOf(row, column)
    const [a, b] = [Number(given), Number(found[3])]
    return (
      given !== "" &&
      (Number.isNaN(b) ? operators[found[2]](given, found[3]) : operators[found[2]](a, b))
    )
  }
  const filter = () => {
    const words = form.elements.words.value.split(/\s+/).filter((word) => word !== "")
    const { value: arm } = form.elements.arm
    const { value: state } = form.elements.state
    const rows = all("#trials tbody tr")
    for (const row of rows)
      row.hidden =
        (arm !== "" && row.dataset.arm !== arm) ||
        (state !== "" && row.dataset.state !== state) ||
        !words.every((word) => accepts(row, word))
    const shown = rows.filter((row) => !row.hidden).length
    byId("count").textContent = `${shown} of ${rows.length} trials`
  }
  form.addEventListener("input", filter)
  form.addEventListener("submit", (event) => event.preventDefault())
  form.addEventListener("reset", () => setTimeout(filter))
  filter()
})()
