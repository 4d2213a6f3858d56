import { test } from "node:test";
import { limits } from "../../services/core/limits.js";
import { requireRoundTrip } from "../support/transfer-formats.js";

// Beside the unit tests, for they take seconds, and hundreds of megabytes.
test("a value of the highest limit that stores can be given comes back from every format", async () => {
  await requireRoundTrip("ndjson", limits.valueBytesCeiling, 0xff);
  await requireRoundTrip("csv in base64", limits.valueBytesCeiling, 0xff);
});
