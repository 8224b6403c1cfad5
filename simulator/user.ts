/** The `user` resource: who the account belongs to and, above all, in which zone their floating dates are meant. */
import type { Account } from "./account.ts"
import { dayInZone, offsetMinutes, wireTime } from "./calendar.ts"

const twoDigits = (value: number): string => String(Math.abs(value)).padStart(2, "0")

const zoneInfo = (timezone: string, nowMs: number) => {
  const offset = offsetMinutes(nowMs, timezone)
  const year = new Date(nowMs).getUTCFullYear()
  const winter = Math.min(offsetMinutes(Date.UTC(year, 0, 1), timezone), offsetMinutes(Date.UTC(year, 6, 1), timezone))
  const hours = Math.trunc(offset / 60)
  return {
    timezone,
    gmt_string: `${offset < 0 ? "-" : "+"}${twoDigits(hours)}:${twoDigits(offset % 60)}`,
    hours,
    minutes: offset % 60,
    is_dst: offset > winter ? 1 : 0,
  }
}

const completedToday = (account: Account, nowMs: number): number => {
  const today = dayInZone(nowMs, account.timeZone)
  let count = 0
  for (const { value } of account.items.values()) {
    if (value.completed_at === null || value.is_deleted) continue
    if (dayInZone(Date.parse(value.completed_at), account.timeZone) === today) count++
  }
  return count
}

/** Serves `/sync` and `GET /user` alike: a superset of both. It never carries the account's API token. */
export const userResource = (account: Account, nowMs: number) => ({
  id: account.userId,
  email: account.email,
  full_name: account.fullName,
  inbox_project_id: account.inboxProjectId,
  tz_info: zoneInfo(account.timeZone, nowMs),
  lang: "en",
  joined_at: wireTime(account.createdAtMs),
  activated_user: true,
  auto_reminder: 30,
  business_account_id: null,
  completed_count: account.completedCount,
  completed_today: completedToday(account, nowMs),
  daily_goal: 5,
  weekly_goal: 25,
  date_format: 0,
  time_format: 0,
  dateist_lang: null,
  days_off: [6, 7],
  start_day: 1,
  next_week: 1,
  weekend_start_day: 6,
  start_page: "today",
  feature_identifier: `${account.userId}_feature`,
  features: {
    karma_disabled: false,
    restriction: 3,
    karma_vacation: false,
    dateist_lang: null,
    beta: 0,
    has_push_reminders: false,
    dateist_inline_disabled: false,
  },
  getting_started_guide_projects: null,
  has_magic_number: false,
  has_password: true,
  image_id: null,
  is_celebrations_enabled: true,
  is_premium: false,
  premium_status: "not_premium",
  premium_until: null,
  joinable_workspace: null,
  karma: 1234,
  karma_trend: "up",
  share_limit: 5,
  sort_order: 0,
  theme_id: "0",
  unique_prefix: 1,
  verification_status: "verified",
  websocket_url: "wss://127.0.0.1/unused",
})
