/** Writes a few lines with a logger of the format and level given. */
import { createLogger, type LogFormat, type LogLevel } from "../../services/runtime/log.js";

const [format, level] = process.argv.slice(2) as [LogFormat, LogLevel];
const log = createLogger({ service: "store-1", level, format });
log.info("first", { count: 3 });
log.debug("detail");
log.child({ requestId: "r1" }).error("failed", {
  error: new Error("outer", { cause: new Error("inner") }),
});
log.warn("own", { message: "field", level: "field", service: "field" });
const circle: Record<string, unknown> = { big: 10n };
circle["self"] = circle;
log.info("odd", { circle });
