/** What MLFLOW_TRACKING_URI may say: what can never work is refused by name, what has one meaning is read so. */
import { describe, expect, it } from "vitest"
import * as Address from "../../src/track/Address.ts"

describe("an address", () => {
  it.each([
    ["http://h:5000", "http://h:5000/"],
    ["https://h", "https://h/"],
    ["https://h/a/path/", "https://h/a/path/"],
    ["  http://h:5000\n", "http://h:5000/"],
    ["HTTP://H:5000", "http://h:5000/"],
    ["http://ann:pw@h", "http://h/"],
    ["http://[::1]:5000", "http://[::1]:5000/"],
    ["http://h/ü b", "http://h/%C3%BC%20b"],
  ])("%j is taken as it is", (given, url) => {
    expect(Address.read(given)).toMatchObject({ url: new URL(url), notes: [] })
  })

  it.each([
    ["localhost:5000", "http://localhost:5000/"],
    ["127.0.0.1:5000", "http://127.0.0.1:5000/"],
    ["[::1]:5000", "http://[::1]:5000/"],
    ["mlflow.example.com:80/base", "http://mlflow.example.com/base"],
    ["databricks:5000", "http://databricks:5000/"],
    ["ann:hunter22@h:5000", "http://h:5000/"],
    ["http:h:5000", "http://h:5000/"],
    ["http://h:5000/#/experiments/3", "http://h:5000/"],
    ["http://h/x/?workspace=a#b", "http://h/x/"],
  ])("%j is read as one, and that is said", (given, url) => {
    const found = Address.read(given)
    expect(found).toMatchObject({ url: new URL(url) })
    if (typeof found === "string") return
    expect(found.notes).toHaveLength(1)
    expect(found.notes[0]).toContain(`read as ${url}`)
    expect(found.notes[0]).not.toContain("hunter22")
  })

  it("keeps user and password apart", () => {
    expect(Address.read("http://a%40b:c%3Ad@h")).toMatchObject({
      username: "a%40b",
      password: "c%3Ad",
    })
    expect(Address.read("ann:pw@h:5000")).toMatchObject({ username: "ann", password: "pw" })
  })

  const server = "http://HOST:PORT"
  const own = "unset it, and fliqs starts a server of its own"
  it.each([
    ["sqlite:///mlflow.db", "a database", own],
    ["sqlite:mlflow.db", "a database", own],
    ["SQLite:////abs/mlflow.db", "a database", own],
    ["postgresql://ann:hunter22@h/db", "a database", own],
    ["postgresql+psycopg2://ann:hunter22@h/db", "a database", own],
    ["mysql+pymysql://h/db", "a database", own],
    ["mssql+pyodbc://h/db", "a database", own],
    ["file:///mlruns", "a folder", own],
    ["file:mlruns", "a folder", own],
    ["s3://bucket/x", "a folder", own],
    ["ftp://h", "a folder", own],
    ["databricks", "Databricks", own],
    ["Databricks", "Databricks", own],
    ["databricks://profile", "Databricks", own],
    ["databricks-uc://profile", "Databricks", own],
    ["mlruns", "no scheme", server],
    ["./mlruns", "no scheme", server],
    ["../a b/mlruns", "no scheme", server],
    ["/abs/mlruns", "no scheme", server],
    ["~/mlruns", "no scheme", server],
    ["C:\\mlruns", "no scheme", server],
    ["localhost", "no scheme", server],
    ["mlflow.example.com", "no scheme", server],
    ["mlflow.example.com/base", "no scheme", server],
    [":5000", "no scheme", server],
    ["//h:5000", "no scheme", server],
    ["ws://h", "no address of a server", server],
    ["unix:/run/mlflow.sock", "no address of a server", server],
    ["http://", "no valid address", server],
    ["http:///mlruns", "no valid address", server],
    ["http://h:99999", "no valid address", server],
    ["http://h:0", "no valid address", server],
    ["http://my host:5000", "no valid address", server],
    ["https://ann:hunter22@", "no valid address", server],
    ["h:123456", "no scheme", server],
  ])("%j is refused by name", (given, what, advice) => {
    const found = Address.read(given)
    expect(found).toBeTypeOf("string")
    expect(found).toContain(what)
    expect(found).toContain(advice)
    expect(found).not.toContain("hunter22")
  })
})
