import { lockFolder } from "../../services/runtime/folder-lock.js";

// Locks the folder, says so and stays; or says why it could not.
const [folder = ""] = process.argv.slice(2);
try {
  await lockFolder(folder, { role: "a test child" });
  console.log("locked");
  setInterval(() => undefined, 1000);
} catch (error) {
  console.log(`refused ${String(error)}`);
}
