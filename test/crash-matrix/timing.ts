/** The matrix's clusters notice a failure after this. Short, so that a cell is. */
export const suspectAfterMs = 1000;

/** A process that is stopped and comes back stands still for at least this: well beyond the failure timeout. */
export const pauseMs = 1600;

/** Every call has this long; no fault lasts as long, so every call must succeed in time. */
export const callDeadlineMs = 60_000;
