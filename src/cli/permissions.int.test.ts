/** What `bin/tipstream` permits Deno: all the service needs, and nothing else. */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import { leftOf, spawnService } from "../../test/support/service.ts"
import { temporaryFolders } from "../../test/support/temporaryFolder.ts"
import { settings } from "../config.ts"

const program = fileURLToPath(new URL("../../bin/tipstream", import.meta.url))
const folder = temporaryFolders()

/** The program in a project whose Deno prints its arguments. */
let project = ""
beforeAll(async () => {
  project = fs.realpathSync(await folder())
  fs.mkdirSync(path.join(project, "node_modules", ".bin"), { recursive: true })
  fs.mkdirSync(path.join(project, "bin"))
  fs.copyFileSync(program, path.join(project, "bin", "tipstream"))
  fs.writeFileSync(path.join(project, "node_modules/.bin/deno"), `#!/bin/sh\nprintf '%s\\n' "$@"\n`, { mode: 0o755 })
})

const run = (env: Readonly<Record<string, string>>, args: ReadonlyArray<string> = ["serve"]) =>
  spawnSync(path.join(project, "bin/tipstream"), args, {
    cwd: "/tmp",
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", ...env },
  })

/** The items of one list, as Deno reads them. */
const list = (name: string, env: Readonly<Record<string, string>>, args?: ReadonlyArray<string>) => {
  const line = run(env, args).stdout.split("\n").find((line) => line.startsWith(`--allow-${name}=`))
  return line?.slice(`--allow-${name}=`.length).split(",") ?? []
}

const always = ["127.0.0.1", "localhost", "[::1]"]
const todoist = "api.todoist.com:443"

describe("the permissions of bin/tipstream", () => {
  it("each is a list, and none is everything", () => {
    const flags = run({}).stdout.split("\n").filter((line) => line.startsWith("-"))
    expect(flags.map((flag) => flag.replace(/=.*/, "")).sort()).toEqual([
      "--allow-env",
      "--allow-net",
      "--allow-read",
      "--allow-run",
      "--allow-sys",
      "--allow-write",
      "--no-prompt",
    ])
    for (const flag of flags.filter((flag) => flag.startsWith("--allow"))) expect(flag).toMatch(/=./)
  })

  it("the environment is the settings, and what the libraries read", () => {
    const names = settings.map(({ name }) => name)
    const libraries = ["PG*", "NODE_V8_COVERAGE", "WS_NO_BUFFER_UTIL", "TERM", "NO_COLOR", "FORCE_COLOR"]
    expect(list("env", {}).sort()).toEqual([...names, ...libraries].sort())
  })

  it.each<[string, Record<string, string>, ReadonlyArray<string>]>([
    ["nothing given", {}, [todoist]],
    ["a host", { HOST: "0.0.0.0" }, ["0.0.0.0", todoist]],
    ["an IPv6 host", { HOST: "fd00::7" }, ["[fd00::7]", todoist]],
    ["another Todoist", { TODOIST_BASE_URL: "http://sim.example:8090/base?x=a@b" }, ["sim.example:8090"]],
    ["a database", { DATABASE_URL: "postgres://u:p%40ss@db.example:6432/name" }, [todoist, "db.example:6432"]],
    ["a password with an at sign", { DATABASE_URL: "postgres://u:p@ss@db.example/name" }, [todoist, "db.example"]],
    ["a database on IPv6", { DATABASE_URL: "postgres://u:p@[fd00::9]:5432/x" }, [todoist, "[fd00::9]:5432"]],
    ["two databases", { DATABASE_URL: "postgres://u:p@a:1,b:2/x" }, [todoist, "a:1", "b:2"]],
    ["a broker", { NATS_URL: "nats://user:pass@nats.example" }, [todoist, "nats.example:4222"]],
    ["several brokers", { NATS_URL: "nats://a:1, tls://[fd00::9]:2,nats://[fd00::8]" }, [
      todoist,
      "a:1",
      "[fd00::9]:2",
      "[fd00::8]:4222",
    ]],
    ["a collector", { OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example" }, [todoist, "otel.example"]],
    ["hosts of calendars", { ICAL_HOSTS: "calendar.example, *.icloud.example,*,$(id)" }, [
      todoist,
      "calendar.example:443",
      "*.icloud.example:443",
    ]],
    ["what is no address", { DATABASE_URL: "postgres://u:p@*/x", HOST: "a b", TODOIST_BASE_URL: "http://$(id)/" }, []],
  ])("the network with %s", (_, env, more) => {
    expect(list("net", env)).toEqual([...always, ...more])
  })

  it("a node of a cluster has the whole environment for its library, and the whole network for the other nodes", () => {
    const flags = run({ ACTORS: "cluster", CLUSTER_HOST: "10.0.0.7" }).stdout.split("\n")
    expect(flags.filter((flag) => /^--allow-(env|net)/.test(flag))).toEqual(["--allow-env", "--allow-net"])
  })

  it("the network of the commands about dead letters holds the service they ask, and of no other command", () => {
    for (const given of [["--url", "https://tips.example/x"], ["--url=https://tips.example/x"]]) {
      expect(list("net", {}, ["dead-letters", "list", ...given])).toEqual([...always, todoist, "tips.example"])
      expect(list("net", {}, ["serve", ...given])).toEqual([...always, todoist])
    }
    expect(list("net", {}, ["dead-letters", "list", "--url", "http://[fd00::7]:80"])).toContain("[fd00::7]:80")
  })

  it("the data folder is the one a relative DATA_DIR means where it was started", () => {
    expect(list("write", { DATA_DIR: "some where" })).toEqual(["/tmp/some where"])
    expect(list("write", {})).toEqual(["/tmp/.data"])
    expect(list("write", { DATA_DIR: "/var/lib/tipstream" })).toEqual(["/var/lib/tipstream"])
    expect(list("read", { DATA_DIR: "/var/lib/tipstream" })).toEqual([project, "/var/lib/tipstream"])
  })

  it("the credentials of NATS may lie elsewhere", () => {
    expect(list("read", { NATS_CREDS: "own/nats.creds", DATA_DIR: "/d" })).toEqual([
      project,
      "/d",
      "/tmp/own/nats.creds",
    ])
  })

  it("the simulator's state file may lie elsewhere, for the simulator alone", () => {
    const file = path.join(project, "state.json")
    expect(list("write", { DATA_DIR: "/d" }, ["simulate", "--state", file])).toEqual(["/d", file, `${file}.tmp`])
    expect(list("write", { DATA_DIR: "/d" }, ["simulate", `--state=${file}`])).toEqual(["/d", file, `${file}.tmp`])
    expect(list("write", { DATA_DIR: "/d" }, ["serve", "--state", file])).toEqual(["/d"])
  })

  it("the files of a replay may lie elsewhere, for the replay alone", () => {
    const [file, state] = [path.join(project, "out.ndjson"), path.join(project, "state.json")]
    for (const given of [["--file", file, "--resume", state], [`--file=${file}`, `--resume=${state}`]]) {
      const args = ["replay", "--stream", "SIGNALS", ...given]
      expect(list("write", { DATA_DIR: "/d" }, args)).toEqual(["/d", file, state, `${state}.tmp`])
      expect(list("read", { DATA_DIR: "/d" }, args)).toEqual([project, "/d", file, state, `${state}.tmp`])
      expect(list("write", { DATA_DIR: "/d" }, ["serve", ...given])).toEqual(["/d"])
    }
  })

  it("a comma, which the lists cannot hold, is refused", () => {
    const { status, stderr } = run({ DATA_DIR: "/a,/" })
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^tipstream: a path must have no comma: [^\n]*\n$/)])
  })

  it("an installation without Deno is told to install it", () => {
    fs.renameSync(path.join(project, "node_modules"), path.join(project, "away"))
    const { status, stderr } = run({})
    fs.renameSync(path.join(project, "away"), path.join(project, "node_modules"))
    expect([status, stderr]).toEqual([1, `tipstream: Deno is not installed in ${project}: run npm ci there\n`])
  })

  it("are enough for the demo, from another folder and through a link, with nothing refused", async () => {
    const elsewhere = await folder()
    fs.mkdirSync(path.join(elsewhere, "real place"))
    fs.symlinkSync("real place", path.join(elsewhere, "link to it"))
    const service = spawnService({
      command: ["/bin/sh", "-c", 'cd "$0" && exec "$@"', elsewhere, program],
      env: { DATA_DIR: "link to it/da ta", LOG_LEVEL: "debug" },
    })
    try {
      const address = await service.ready
      const signedIn = await fetch(new URL("/auth/demo", address), { method: "POST" })
      const cookie = signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? ""
      const asked = await fetch(new URL("/v1/recommend", address), { method: "POST", headers: { cookie } })
      expect(await asked.json()).toMatchObject({ tip: { title: expect.any(String) } })
      for (const route of ["/health", "/metrics", "/openapi.json", "/", "/operator", "/v1/connectors"]) {
        expect((await fetch(new URL(route, address), { headers: { cookie } })).status, route).toBe(200)
      }
      const family = service.family()
      expect((await service.stop()).code).toBe(0)
      expect(await leftOf(family)).toEqual([])
      expect(fs.existsSync(path.join(elsewhere, "real place/da ta/postgres/PG_VERSION"))).toBe(true)
      expect(service.output()).not.toMatch(/NotCapable|PermissionDenied|Requires \w+ access|--allow-/)
      expect(service.errors()).toBe("")
    } finally {
      await service.kill()
    }
  }, 60_000)
})
