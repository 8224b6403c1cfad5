/**
 * A projection of one row per event, which counts how often each was applied: once, if once is what it is.
 * In one statement per batch, its rows as one parameter, as the service's own projections are written.
 */
export const schema = `
  CREATE TABLE bench_projection (
    event_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    user_id text NOT NULL,
    issuer text NOT NULL,
    sequence bigint NOT NULL,
    applied integer NOT NULL
  )`

export interface ProjectedRow {
  readonly event_id: string
  readonly tenant_id: string
  readonly user_id: string
  readonly issuer: string
  readonly sequence: number
}

/** `$1` is a JSON array of `ProjectedRow`. */
export const upsert = `
  INSERT INTO bench_projection (event_id, tenant_id, user_id, issuer, sequence, applied)
  SELECT event_id, tenant_id, user_id, issuer, sequence, 1
  FROM jsonb_to_recordset($1::text::jsonb)
    AS event (event_id text, tenant_id text, user_id text, issuer text, sequence bigint)
  ON CONFLICT (event_id) DO UPDATE SET sequence = excluded.sequence, applied = bench_projection.applied + 1`
