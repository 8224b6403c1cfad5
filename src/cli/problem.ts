/** A reason to stop that the person at the terminal can do something about: printed as one line, exit code 1. */
import { Schema } from "effect"

export class CannotStart extends Schema.TaggedError<CannotStart>()("CannotStart", {
  lines: Schema.Array(Schema.String),
}) {
  override get message() {
    return this.lines.join("\n")
  }
}
