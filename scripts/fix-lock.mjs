// Adds to package-lock.json the optional platform packages npm left out because the registry it was made
// against does not carry them; without the entries `npm ci` refuses its own lock file on every machine.
// Run after each `npm install <package>`.
import fs from "node:fs"

const lock = JSON.parse(fs.readFileSync("package-lock.json", "utf8"))
const systems = ["darwin", "win32", "linux", "freebsd", "android", "openbsd", "netbsd", "sunos", "aix", "openharmony"]
const processors = ["arm64", "x64", "ia32", "arm", "ppc64", "s390x", "riscv64", "loong64", "mips64el"]
let added = 0
for (const [where, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (lock.packages[`node_modules/${name}`] || lock.packages[`${where}/node_modules/${name}`]) continue
    const os = systems.find((s) => name.includes(s)) ?? (name.includes("windows") ? "win32" : undefined)
    const cpu = processors.find((p) => name.includes(p))
    const libc = name.includes("musl") ? "musl" : /glibc|gnu/.test(name) ? "glibc" : undefined
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ""),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(os ? { os: [os] } : {}),
      optional: true,
      ...(libc ? { libc: [libc] } : {}),
    }
    added++
  }
}
fs.writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n")
console.log(`package-lock.json: ${added} platform entries added`)
