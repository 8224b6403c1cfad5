/** The words of the demo account: what a person's list looks like, with every shape the wire knows. */
export type TaskPlan = {
  readonly project: string
  readonly content: string
  readonly description?: string
  /** 1 (none) to 4 (shown as p1). */
  readonly priority?: 1 | 2 | 3 | 4
  readonly labels?: ReadonlyArray<string>
  /** Days from today, earliest and latest; the seed picks one between. */
  readonly days?: readonly [number, number]
  /** Recurrence in words; the current occurrence lies on `days`. */
  readonly every?: string
  /** Time of day; without `fixedZone` it floats in the user's zone. */
  readonly time?: string
  readonly fixedZone?: string
  readonly deadlineDays?: number
  readonly minutes?: number
  readonly wholeDays?: number
  readonly subtasks?: ReadonlyArray<string>
}

export const projectPlans: ReadonlyArray<{ readonly name: string; readonly color: string; readonly favorite?: true }> =
  [
    { name: "Inbox", color: "grey" },
    { name: "Work", color: "blue", favorite: true },
    { name: "Home", color: "yellow" },
    { name: "Health 🏃", color: "lime_green" },
    { name: "Side project", color: "grape" },
    { name: "Errands", color: "orange" },
    { name: "Someday", color: "taupe" },
  ]

export const labelPlans = ["deep-work", "quick", "phone", "errand", "waiting", "computer", "with-kids", "5min"]

const longTitle =
  "Read through all of the comments on the shared draft of the migration plan, sort them into what must " +
  "change before Thursday, what can wait for the second phase and what was already answered in the appendix, then " +
  "write back to everyone who asked something, even where the answer is only that we do not know yet, and move the " +
  "open questions into the agenda of the next planning meeting so that nobody has to ask twice"

const work: ReadonlyArray<TaskPlan> = [
  {
    project: "Work",
    content: "Send the **Q4 budget** to Marta for sign-off",
    description: "She needs it before the board call.\n\n- [ ] travel line\n- [ ] licences\n\nTemplate: " +
      "[budget sheet](https://example.com/budget?year=2026&view=all)",
    priority: 4,
    labels: ["computer"],
    days: [-2, -1],
    deadlineDays: 3,
    minutes: 45,
  },
  {
    project: "Work",
    content: "Prepare slides for the roadmap review",
    description: "Keep it to *ten* slides. Start from `roadmap-v3.key`.",
    priority: 3,
    labels: ["deep-work", "computer"],
    days: [1, 3],
    minutes: 120,
    subtasks: ["Collect numbers from the support team", "Draft the story in five sentences", "Ask Jonas for the chart"],
  },
  {
    project: "Work",
    content: "Daily stand-up notes",
    every: "every weekday at 9:15",
    days: [0, 0],
    time: "09:15",
    minutes: 10,
  },
  {
    project: "Work",
    content: "Weekly report to the team",
    every: "every friday at 16:00",
    days: [0, 6],
    time: "16:00",
    priority: 2,
  },
  {
    project: "Work",
    content: "Review Priya's pull request about retries",
    priority: 3,
    labels: ["computer"],
    days: [0, 0],
    minutes: 30,
  },
  {
    project: "Work",
    content: "Call with the Madrid office",
    days: [1, 4],
    time: "13:00",
    fixedZone: "Europe/Madrid",
    minutes: 30,
    labels: ["phone"],
  },
  {
    project: "Work",
    content: "Call with the supplier in Austin",
    days: [2, 6],
    time: "10:30",
    fixedZone: "America/Chicago",
    minutes: 45,
  },
  { project: "Work", content: longTitle, priority: 2, labels: ["deep-work"], days: [2, 4], minutes: 90 },
  {
    project: "Work",
    content: "Renew the TLS certificate of the staging host",
    priority: 4,
    days: [0, 1],
    deadlineDays: 2,
    labels: ["computer"],
  },
  { project: "Work", content: "Book a room for the offsite", labels: ["quick", "phone"], days: [-6, -3] },
  { project: "Work", content: "Answer the survey from HR <5 min, really>", labels: ["5min"], days: [-12, -8] },
  {
    project: "Work",
    content: "Write the post-mortem for last week's outage",
    priority: 3,
    labels: ["deep-work"],
    days: [0, 2],
    minutes: 120,
    wholeDays: 1,
  },
  {
    project: "Work",
    content: "One-on-one with Sam",
    every: "every 2 weeks at 11:00",
    days: [1, 9],
    time: "11:00",
    minutes: 30,
  },
  { project: "Work", content: "Waiting: contract back from legal", labels: ["waiting"], days: [5, 9] },
  { project: "Work", content: "Clean up stale feature flags", labels: ["computer"] },
  { project: "Work", content: "Expense report", every: "every 1st", days: [3, 20], labels: ["quick", "computer"] },
]

const home: ReadonlyArray<TaskPlan> = [
  { project: "Home", content: "Water the plants 🪴", every: "every 3 days", days: [-1, 0], labels: ["5min"] },
  {
    project: "Home",
    content: "Take out the recycling ♻️",
    every: "every thursday at 19:00",
    days: [0, 6],
    time: "19:00",
  },
  { project: "Home", content: "Change the bed sheets", every: "every! 2 weeks", days: [-3, 4] },
  {
    project: "Home",
    content: "Fix the dripping kitchen tap",
    description: "Cartridge is a 35 mm one. Shut the valve *under the sink* first 💧",
    priority: 2,
    days: [-5, -2],
    minutes: 60,
    subtasks: ["Measure the cartridge", "Buy the cartridge"],
  },
  {
    project: "Home",
    content: "Plan Lena's birthday party 🎂",
    description: "Twelve kids, two hours, **no** bouncy castle.",
    priority: 3,
    labels: ["with-kids"],
    days: [6, 9],
    subtasks: ["Send the invitations", "Order the cake", "Find games for bad weather"],
  },
  {
    project: "Home",
    content: "Pay the electricity bill",
    priority: 4,
    days: [0, 0],
    deadlineDays: 0,
    labels: ["quick", "computer"],
  },
  {
    project: "Home",
    content: "Call the landlord about the heating",
    priority: 3,
    days: [0, 1],
    time: "10:00",
    labels: ["phone"],
  },
  { project: "Home", content: "Sort the winter clothes", labels: ["with-kids"] },
  { project: "Home", content: "Defrost the freezer", days: [8, 14], wholeDays: 1 },
  { project: "Home", content: "Test the smoke alarms", every: "every 3 months", days: [-4, 12], labels: ["5min"] },
]

const health: ReadonlyArray<TaskPlan> = [
  {
    project: "Health 🏃",
    content: "Morning stretch",
    every: "every day at 7:00",
    days: [0, 0],
    time: "07:00",
    minutes: 10,
    labels: ["5min"],
  },
  { project: "Health 🏃", content: "Run 5 km", every: "every mon, thu", days: [0, 3], minutes: 40, priority: 2 },
  { project: "Health 🏃", content: "Take vitamin D ☀️", every: "every day", days: [-1, 0] },
  { project: "Health 🏃", content: "Book the dentist 🦷", labels: ["phone", "quick"], days: [-9, -5], priority: 3 },
  { project: "Health 🏃", content: "Appointment: eye doctor", days: [3, 6], time: "08:45", minutes: 45 },
  {
    project: "Health 🏃",
    content: "Refill the allergy prescription",
    days: [1, 4],
    labels: ["errand"],
    deadlineDays: 5,
  },
]

const side: ReadonlyArray<TaskPlan> = [
  {
    project: "Side project",
    content: "Write the README for the bird-call app 🐦",
    description:
      "Say what it does in one sentence, then `npm start`, then a picture.\n\n> People read the first ten lines.",
    labels: ["deep-work", "computer"],
    days: [1, 5],
    minutes: 60,
  },
  {
    project: "Side project",
    content: "Fix crash when the microphone is denied",
    priority: 3,
    labels: ["computer"],
    days: [0, 2],
  },
  { project: "Side project", content: 'Reply to issue #42: "does it work offline?"', labels: ["5min"], days: [-3, -1] },
  {
    project: "Side project",
    content: "Label 200 recordings",
    every: "every week",
    days: [0, 5],
    minutes: 60,
    subtasks: ["Owls", "Blackbirds"],
  },
  { project: "Side project", content: "Compare prices for a small server" },
  {
    project: "Side project",
    content: "Back up the recordings",
    every: "every! 10 days",
    days: [-2, 5],
    labels: ["computer"],
  },
]

const errands: ReadonlyArray<TaskPlan> = [
  {
    project: "Errands",
    content: "Return the parcel 📦",
    priority: 3,
    labels: ["errand"],
    days: [-1, 0],
    deadlineDays: 2,
  },
  { project: "Errands", content: "Buy a present for Lena", labels: ["errand"], days: [3, 5] },
  { project: "Errands", content: "Pick up the bike from the shop", labels: ["errand"], days: [0, 1], time: "17:30" },
  {
    project: "Errands",
    content: "Groceries: olive oil, oats, coffee & lemons",
    every: "every saturday",
    days: [0, 6],
    labels: ["errand"],
  },
  { project: "Errands", content: "Get passport photos", labels: ["errand", "quick"] },
]

const inbox: ReadonlyArray<TaskPlan> = [
  { project: "Inbox", content: "לשלוח לדנה את התמונות מהטיול", description: "התיקייה נמצאת ב־Drive.", days: [0, 3] },
  { project: "Inbox", content: "اتصل بأمي مساء الجمعة 📞", days: [1, 6], time: "18:00", labels: ["phone"] },
  { project: "Inbox", content: "Idea: shared shopping list for the house?" },
  { project: "Inbox", content: "Ask Noor which podcast that was" },
  { project: "Inbox", content: "https://example.com/articles/how-to-sharpen-knives", days: [2, 7] },
  { project: "Inbox", content: "日本語の宿題を終わらせる", days: [0, 2], labels: ["computer"] },
]

const someday: ReadonlyArray<TaskPlan> = [
  { project: "Someday", content: "Learn to make sourdough 🍞" },
  {
    project: "Someday",
    content: "Walk the coast path from end to end",
    description: "Two weeks in *May*, when it is not too hot.",
  },
  { project: "Someday", content: "Digitise the old photo albums", wholeDays: 2 },
  { project: "Someday", content: "Take the kids to see the cranes", labels: ["with-kids"], days: [60, 120] },
]

export const taskPlans: ReadonlyArray<TaskPlan> = [
  ...work,
  ...home,
  ...health,
  ...side,
  ...errands,
  ...inbox,
  ...someday,
]

/** Parts of tasks made up for large accounts and for the life that goes on. */
export const verbs = ["Call", "Write to", "Ask", "Thank", "Meet", "Remind", "Send notes to"]
export const people = [
  "Marta",
  "Jonas",
  "Priya",
  "Sam",
  "the bank",
  "Noor",
  "the neighbours",
  "Aunt Ruth",
  "the school",
]
export const topics = [
  "about the invoice",
  "about the weekend",
  "because of the broken link",
  "about the new date",
  "with the photos",
  "about the keys 🔑",
  "about the *second* draft",
  "to say yes",
]
