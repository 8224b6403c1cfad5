/** Whether a subject is what a filter selects: `*` is one token, `>` all that follow, at least one. */
export const matcherOf = (filter: string): (subject: string) => boolean => {
  const wanted = filter.split(".")
  return (subject) => {
    const tokens = subject.split(".")
    for (const [index, token] of wanted.entries()) {
      if (token === ">") return tokens.length > index
      if (tokens[index] === undefined || (token !== "*" && token !== tokens[index])) return false
    }
    return tokens.length === wanted.length
  }
}
