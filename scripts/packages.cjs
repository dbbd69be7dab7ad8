/**
 * Preloaded where the checkout may not be written, so that its packages lie in the cache (FLIQS_PACKAGES): lets its own
 * modules find them there. What the packages import is found from where they are.
 */
const { join } = require("node:path")
const { registerHooks } = require("node:module")
const { pathToFileURL } = require("node:url")

const checkout = pathToFileURL(join(__dirname, "..", "/")).href
const parentURL = pathToFileURL(join(process.env.FLIQS_PACKAGES, "package.json")).href
const isBare = (specifier) => !/^(\.{0,2}\/|#|[a-z]+:)/.test(specifier)

registerHooks({
  resolve: (specifier, context, next) =>
    isBare(specifier) && context.parentURL?.startsWith(checkout)
      ? next(specifier, { ...context, parentURL })
      : next(specifier, context),
})
