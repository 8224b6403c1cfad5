/**
 * HTML in which every value is text. A hole of the template is escaped unless it was made here, so markup that came
 * from outside can be shown and never takes part.
 *
 * Escaping protects text and quoted attribute values; a hole anywhere else (an unquoted attribute, a tag name, a script
 * or a style) is refused by a test over all pages. A URL in an attribute must also be one of ours or pass `httpsLink`.
 */

export type Hole = string | number | Html | ReadonlyArray<Hole> | null | undefined | false

export class Html {
  readonly #markup: string

  private constructor(markup: string) {
    this.#markup = markup
  }

  /** The tag itself; null, undefined and false leave nothing. */
  static template(parts: TemplateStringsArray, ...holes: ReadonlyArray<Hole>): Html {
    return new Html(parts.reduce((markup, part, index) => markup + textOf(holes[index - 1]) + part))
  }

  toString(): string {
    return this.#markup
  }
}

/** Not named `html`: formatters reformat what stands under that name, and white space is content here. */
export const markup = Html.template

const textOf = (hole: Hole): string => {
  if (hole === null || hole === undefined || hole === false) return ""
  if (hole instanceof Html) return hole.toString()
  return typeof hole === "object" ? hole.map(textOf).join("") : escaped(String(hole))
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char]!)

/** The address when it leads to an https page and holds no name or password; else undefined. */
export const httpsLink = (address: string | null): string | undefined => {
  if (address === null || !URL.canParse(address)) return undefined
  const url = new URL(address)
  return url.protocol === "https:" && url.username === "" && url.password === "" ? url.href : undefined
}
