/**
 * Which proxy a request goes through: `HTTP_PROXY` or `HTTPS_PROXY` by the scheme of the address, else `ALL_PROXY`, unless
 * `NO_PROXY` names the host; of each the lower-case name comes first, and an empty one means none. So do curl and the
 * HTTP library of MLflow's own client.
 *
 * Left out: the connection through it (undici's `ProxyAgent`, in `MlflowHttp.ts`).
 */
import { BlockList, isIP, isIPv6 } from "node:net"
import { Redacted } from "effect"

export interface Proxy {
  /** The variable that names it. */
  readonly variable: string
  /** Its address, for people. */
  readonly shown: string
  /** Its address, with user and password where it has them. */
  readonly address: Redacted.Redacted
}

/** The variables of a process. */
export type Variables = Readonly<Record<string, string | undefined>>

const lookUp = (variables: Variables, name: string) =>
  [name.toLowerCase(), name.toUpperCase()].find((spelling) => variables[spelling] !== undefined)

/** The host of an address without brackets and the dot at its end, in lower case. */
const hostOf = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/(?<=.)\.$/, "")

const portOf = ({ port, protocol }: URL): string => port || (protocol === "https:" ? "443" : "80")

/** `10.0.0.0/8`. */
const isInNetwork = (host: string, network: string): boolean => {
  const [, address = "", bits = ""] = /^(.+)\/(\d{1,3})$/.exec(network) ?? []
  const kind = isIPv6(address) ? "ipv6" : "ipv4"
  if (isIP(address) === 0 || Number(bits) > (kind === "ipv6" ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(hostOf(address), Number(bits), kind)
  return isIP(host) !== 0 && list.check(host, isIPv6(host) ? "ipv6" : "ipv4")
}

/**
 * Whether an entry of NO_PROXY names the host: `*` every one, `example.com` and `.example.com` the domain with all in it,
 * `*.example.com` all in it, `127.0.0.1` and `10.0.0.0/8` addresses; `:8080` behind it names one port alone.
 */
const names = (entry: string, url: URL): boolean => {
  const host = hostOf(url.hostname)
  const [, named = "", port] = /^(\[.*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? []
  if (port !== undefined && port !== portOf(url)) return false
  if (named === "*") return true
  if (named.includes("/")) return isInNetwork(host, named)
  const domain = hostOf(named.replace(/^\*?\./, ""))
  return (host === domain && !named.startsWith("*")) || host.endsWith(`.${domain}`)
}

const isExcepted = (url: URL, variables: Variables): boolean =>
  (variables[lookUp(variables, "NO_PROXY") ?? ""] ?? "")
    .split(/[,\s]+/)
    .some((entry) => entry !== "" && names(entry, url))

/** The proxy for an address; a text says what is wrong with it. */
export const proxyFor = (url: URL, variables: Variables): Proxy | string | undefined => {
  const wanted = [url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY", "ALL_PROXY"]
  const variable = wanted.map((name) => lookUp(variables, name)).find((name) => name !== undefined)
  const value = variable === undefined ? "" : variables[variable]!.trim()
  if (variable === undefined || value === "" || isExcepted(url, variables)) return undefined
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  if (!URL.canParse(address)) return `${variable} is no address; expected http://HOST:PORT`
  const proxy = new URL(address)
  if (proxy.protocol !== "http:" && proxy.protocol !== "https:")
    return `${variable} has the scheme ${proxy.protocol.slice(0, -1)}; expected a proxy at http://HOST:PORT or https://HOST:PORT, or NO_PROXY with ${url.hostname} in it`
  return { variable, shown: proxy.origin, address: Redacted.make(proxy.href) }
}
