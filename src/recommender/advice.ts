/**
 * The advice library: small things anyone can do now. Each says what to do, in a minute's reading, and promises
 * nothing.
 *
 * A slug is for ever: it is the candidate's id in every log. Change the words freely; for another idea take another
 * slug.
 */
import type { Candidate } from "../../schemas/Candidate.ts"

interface Advice {
  readonly slug: string
  readonly title: string
  readonly body: string
}

const library: ReadonlyArray<Advice> = [
  {
    slug: "first-physical-step",
    title: "Name the first thing your hands would do",
    body: "Take the task you keep moving. What would your hands do first: open a file, dial a number? Do only that.",
  },
  {
    slug: "ten-minutes-of-the-dreaded",
    title: "Give the one you dread ten minutes",
    body:
      "Set a timer for ten minutes and begin the task you like least. When it rings you may stop, conscience clear.",
  },
  {
    slug: "three-honest-dates",
    title: "Give three overdue tasks an honest date",
    body: "Pick any three. For each: do it today, choose a day when you really will, or delete it. No fourth way.",
  },
  {
    slug: "one-window",
    title: "Close everything but one window",
    body:
      "Keep only what the task in front of you needs. The rest is still there in your history when you want it back.",
  },
  {
    slug: "batch-small-ones",
    title: "Do three small ones in a row",
    body: "Choose three short tasks of one kind, calls or mails or forms, and do them in one go while you are at it.",
  },
  {
    slug: "ask-the-question",
    title: "Ask the question you are stuck on",
    body: "Write it in two sentences, what you want and what you tried. Send it to the person who would know.",
  },
  {
    slug: "let-one-go",
    title: "Let one task go",
    body: "Look for a task nobody would miss, or that someone else could do better. Delete it or hand it over today.",
  },
  {
    slug: "cut-it-in-half",
    title: "Cut a big task in half",
    body:
      "Take your vaguest task and split off a part you could finish in half an hour. Put that part on today's list.",
  },
  {
    slug: "first-task-of-tomorrow",
    title: "Choose tomorrow's first task now",
    body:
      "Write down the one thing you will start with, and leave what it needs open or on the desk. Then stop for today.",
  },
  {
    slug: "look-far-away",
    title: "Look at something far away",
    body: "Rest your eyes on the farthest thing you can see for twenty seconds, drink some water, then go on.",
  },
  {
    slug: "walk-before-deciding",
    title: "Walk around the block before you decide",
    body: "Read the same thing three times? Take ten minutes outside without your phone and decide afterwards.",
  },
  {
    slug: "three-things-done",
    title: "Write down three things you finished",
    body:
      "From this week, however small. A list of open tasks never shows them, and they are what the week was made of.",
  },
]

const candidates: ReadonlyArray<Candidate> = library.map(({ slug, title, body }) => ({
  candidateId: `advice:${slug}`,
  kind: "advice",
  source: "library",
  title,
  body,
  deepLink: null,
  projectName: null,
  labels: [],
  priority: null,
  dueDate: null,
  dueAtMs: null,
  isRecurring: false,
  durationMinutes: null,
  addedAtMs: null,
  timesPostponed: 0,
  sleepsUntilMs: null,
}))

/** All of it, awake. Whoever knows what the user snoozed or dismissed sets `sleepsUntilMs` on a copy. */
export const adviceCandidates = (): ReadonlyArray<Candidate> => candidates
