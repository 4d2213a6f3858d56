import { type AddressInfo, createServer } from "node:net";

// Sends back what it gets.
const server = createServer({ noDelay: true }, (socket) => {
  socket.pipe(socket);
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
