/** The least that answers HTTP on this runtime: what a start is compared with. */
import http from "node:http"
import process from "node:process"

const server = http.createServer((_, response) => response.end("ok"))
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening on it"))
process.on("SIGTERM", () => process.exit(0))
