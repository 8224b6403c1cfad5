/** What the pages call a tool and its ways. A new tool has its row here, or the types say so. */
import type { Provider } from "../../../schemas/Task.ts"

export interface ToolWords {
  readonly name: string
  /** What is read from it: `your list`. */
  readonly content: string
  /** What connecting it means, in one sentence or two. */
  readonly meaning: string
  /** Of the one thing that is pasted: a token, or an address. */
  readonly pasted: { readonly noun: string; readonly label: string; readonly help: string }
  /** How to end what was granted, over there. */
  readonly endThere: { readonly grant: string; readonly pasted: string }
}

export const toolWords: Readonly<Record<Provider, ToolWords>> = {
  todoist: {
    name: "Todoist",
    content: "your list",
    meaning: "tipstream reads your open tasks, and closes those you mark as done. It changes nothing else.",
    pasted: {
      noun: "token",
      label: "Personal API token",
      help: "In Todoist: Settings → Integrations → Developer → Copy API token. It is kept encrypted, and forgotten " +
        "when you disconnect.",
    },
    endThere: {
      grant: "in Todoist, under Settings → Integrations → Manage apps, remove tipstream",
      pasted: "in Todoist, under Settings → Integrations → Developer, issue a new API token",
    },
  },
  ical: {
    name: "Calendar",
    content: "your calendar",
    meaning: "tipstream reads the coming events of one calendar. It changes nothing there.",
    pasted: {
      noun: "address",
      label: "Secret address of the calendar",
      help: "It begins with https:// and is in the settings of your calendar, as “secret address in iCal format” or " +
        "“subscribe”. It is kept encrypted, and forgotten when you disconnect.",
    },
    endThere: {
      grant: "in your calendar’s settings, reset the secret address",
      pasted: "in your calendar’s settings, reset the secret address",
    },
  },
}
