/**
 * The report of a grid as one HTML file that needs nothing else: tables that can be read without scripts, pictures and a
 * page for each trial that the scripts make of packed data. Left out: the scripts and the style (`report/` beside `src/`).
 */
import { armColours } from "../picture/Palette.ts"
import { configOf } from "../picture/Theme.ts"
import { costAmount, differenceText } from "./FigureTexts.ts"
import { Html, html } from "./Html.ts"
import { rolesOf } from "./PictureData.ts"
import type { Report } from "./ReportData.ts"
import { pageParts } from "./ReportScripts.ts"
import { armTable, type ArmColours, trialTable } from "./ReportTables.ts"

/** What is best at each cost, in words: what a reader came for. */
const answers = ({ figures }: Report): ReadonlyArray<string> => {
  const leads = figures.levels.flatMap(({ arms: [best], cost, lead }) =>
    best === undefined || lead === undefined
      ? []
      : [`At ${costAmount(figures.cost, cost)}: ${best.label} is best, ${differenceText(lead)}.`],
  )
  return leads.length > 0
    ? leads
    : figures.arms.flatMap(({ difference, label }) =>
        difference === undefined ? [] : [`${label}: ${differenceText(difference)}.`],
      )
}

const options = (values: ReadonlyArray<string>): ReadonlyArray<Html> =>
  [...new Set(values)].map((value) => html`<option value="${value}">${value}</option>`)

const filterForm = ({ figures, trials }: Report): Html =>
  html`<form id="filter" role="search" aria-label="Filter the trials">
    <label
      >Words, or comparisons such as accuracy&gt;0.6
      <input
        type="search"
        name="words"
        autocomplete="off"
        spellcheck="false"
        aria-controls="trials"
    /></label>
    <label
      >Arm
      <select name="arm" aria-controls="trials">
        <option value="">all</option>
        ${options(figures.arms.map(({ label }) => label))}
      </select></label
    >
    <label
      >State
      <select name="state" aria-controls="trials">
        <option value="">all</option>
        ${options(trials.map(({ state }) => state))}
      </select></label
    >
    <button type="reset" class="plain">Show all</button>
    <output id="count" class="soft" aria-live="polite"></output>
  </form>`

/** A grid that has not ended says so before anything else. */
const progress = ({ figures: { counts }, made, trials }: Report): Html => {
  const time = made.time.toISOString().replace("T", " ").slice(0, 16)
  const failed = counts.failed === 0 ? "" : ` ${counts.failed} failed.`
  if (counts.unfinished === 0)
    return html`<p class="state">
      ${counts.finished} of ${counts.trials} trials have finished.${failed} Made on ${time} UTC by
      fliqs ${made.version}.
    </p>`
  const running = trials.filter(({ state }) => state === "running").length
  return html`<p class="running" role="status">
    This grid has not ended: ${counts.finished} of ${counts.trials} trials have finished, ${running}
    are running.${failed} The page shows what was known on ${time} UTC; the same command makes it
    anew. (fliqs ${made.version})
  </p>`
}

const overview = (report: Report): Html => {
  const { figures, pictures } = report
  const roles = rolesOf(figures)
  const colours: ArmColours = { light: armColours(roles), dark: armColours(roles, "dark") }
  return html`<div id="overview">
    <section aria-labelledby="answer-head">
      <h2 id="answer-head">What is best</h2>
      <div class="answer">
        ${
          answers(report).length === 0
            ? html`<p>No two arms can be compared yet.</p>`
            : html`<ul>
                ${answers(report).map((line) => html`<li>${line}</li>`)}
              </ul>`
        }
      </div>
    </section>
    <section aria-labelledby="arms-head">
      <h2 id="arms-head">Arms</h2>
      ${armTable(report, colours)}
    </section>
    <section aria-labelledby="pictures-head">
      <h2 id="pictures-head">Pictures</h2>
      <noscript
        ><p>Pictures and the pages of the trials are drawn by scripts in this file.</p></noscript
      >
      <div id="pictures">
        ${pictures.length === 0 ? html`<p class="soft">Nothing to draw yet.</p>` : html``}
      </div>
    </section>
    <section id="trials-section" aria-labelledby="trials-head">
      <h2 id="trials-head">Trials</h2>
      ${filterForm(report)} ${trialTable(report, colours)}
    </section>
    <section aria-labelledby="again-head">
      <h2 id="again-head">Run it again</h2>
      <pre class="command" tabindex="0">${report.command}</pre>
    </section>
  </div>`
}

/** Data that need no packing. */
const json = (id: string, value: unknown): Html =>
  new Html(
    `<script type="application/json" id="${id}">${JSON.stringify(value).replaceAll("<", "\\u003c")}</script>\n`,
  )

/** The whole page. */
export const reportPage = (report: Report): string => {
  const { policy, scripts, style } = pageParts()
  const configs = { light: configOf("light"), dark: configOf("dark") }
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${report.title}</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <a class="skip" href="#trials-section">Skip to the trials</a>
        <header>
          <h1>${report.title}</h1>
          ${report.description === undefined ? html`` : html`<p>${report.description}</p>`}
          ${progress(report)}
          <nav aria-label="Sections">
            <ul>
              <li><a href="#answer-head">What is best</a></li>
              <li><a href="#arms-head">Arms</a></li>
              <li><a href="#pictures-head">Pictures</a></li>
              <li><a href="#trials-section">Trials</a></li>
            </ul>
          </nav>
        </header>
        <main>
          ${overview(report)}
          <section id="trial" hidden></section>
        </main>
        <div id="tip" role="tooltip" hidden></div>
        ${json("configs", configs)} ${report.data}
        ${scripts.map(
          (script) =>
            new Html(`<script>${script}</script>
`),
        )}
      </body>
    </html> `.text
}
