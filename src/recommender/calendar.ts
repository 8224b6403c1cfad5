/**
 * Distances between days, by integer arithmetic on `YYYY-MM-DD`: no zone, no clock, no `Date`.
 */

/**
 * Days since 1970-01-01 in the proleptic Gregorian calendar, or NaN when the text is not a day that exists.
 *
 * @see https://howardhinnant.github.io/date_algorithms.html#days_from_civil
 */
export const dayNumberOf = (isoDate: string): number => {
  if (isoDate.length !== 10 || isoDate.charCodeAt(4) !== dash || isoDate.charCodeAt(7) !== dash) return NaN
  const year = digitsAt(isoDate, 0, 4)
  const month = digitsAt(isoDate, 5, 7)
  const day = digitsAt(isoDate, 8, 10)
  // Written so that NaN, too, is refused.
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return NaN

  // Years begin in March, so that the leap day is the last one of its year.
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** The day (UTC) an instant falls on, as a day number. */
export const utcDayNumberOf = (epochMs: number): number => Math.floor(epochMs / 86_400_000)

const dash = 45

const digitsAt = (text: string, from: number, to: number): number => {
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) return NaN
    value = value * 10 + digit
  }
  return value
}

const daysInMonth = (year: number, month: number): number => {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}
