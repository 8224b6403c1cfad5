/** The server's settings, given on the command line so that a new release of tipstream brings its own to old data. */

/** Sized for a machine that does other things too; everything not named is Postgres' default. */
export const settings = (options: { readonly port: number; readonly durable: boolean }): ReadonlyArray<string> =>
  Object.entries({
    listen_addresses: "127.0.0.1",
    port: String(options.port),
    // TCP asks for the password; a socket file would need a folder that both users reach.
    unix_socket_directories: "",
    // The service's pools with room for an operator's psql; each costs memory only while it is connected.
    max_connections: "60",
    // Touched as it fills: an idle server stays near 30 MB.
    shared_buffers: "64MB",
    // Bounds what crash recovery replays, and the disk the log takes.
    max_wal_size: "256MB",
    min_wal_size: "32MB",
    // Two cores serve many small statements: parallel workers only take them from each other.
    max_parallel_workers_per_gather: "0",
    // Statements are short, and the package has no compiler for them.
    jit: "off",
    // Answers a "committed" only when it is on disk; off where the caller said that a power failure may cost the data.
    fsync: options.durable ? "on" : "off",
    full_page_writes: options.durable ? "on" : "off",
    synchronous_commit: options.durable ? "on" : "off",
    timezone: "UTC",
    log_timezone: "UTC",
    logging_collector: "off",
    log_destination: "stderr",
    // Statements and their parameters hold personal data: the log gets the message and the code, not the values.
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_line_prefix: "%m [%p] ",
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`])
