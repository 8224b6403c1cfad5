/** The demo user of a started service, as a browser signs in. */

/** Starts a session; gives the cookie to send. */
export async function signIn(origin: string): Promise<string> {
  const response = await fetch(`${origin}/auth/demo`, { method: "POST" })
  const cookie = response.headers.get("set-cookie")?.split(";")[0]
  await response.body?.cancel()
  if (response.status !== 200 || cookie === undefined) throw new Error(`sign-in answers ${response.status}`)
  return cookie
}

/** Title of the tip of one recommend; undefined when there was none. */
export async function recommend(origin: string, cookie: string): Promise<string | undefined> {
  const response = await fetch(`${origin}/v1/recommend`, { method: "POST", headers: { cookie } })
  if (response.status !== 200) throw new Error(`recommend answers ${response.status}: ${await response.text()}`)
  const { tip } = await response.json() as { readonly tip: { readonly title: string } | null }
  return tip?.title
}
