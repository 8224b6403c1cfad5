import { Console } from "effect"
export const doctor = (_: { readonly json: boolean }) => Console.log("doctor")
