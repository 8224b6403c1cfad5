/** Which nats-server is recommended. Pure. */
import { atLeast } from "./firstConnection.ts"

/** From here on a server keeps what it acknowledged in more kinds of failure. */
const recommended = { major: 2, minor: 12 }

/** Undefined when the server is one of those; older ones have all that is used. */
export const versionAdvice = (version: string): string | undefined =>
  atLeast(version, recommended.major, recommended.minor)
    ? undefined
    : `nats-server ${version} works; ${recommended.major}.${recommended.minor} or newer is recommended: ` +
      "older ones have lost data in crashes that newer ones survive"
