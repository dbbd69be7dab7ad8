/** How a person calls this program: `./fliqs` in a checkout, `fliqs` where it is installed. */
export const program = import.meta.url.endsWith(".ts") ? "./fliqs" : "fliqs"
