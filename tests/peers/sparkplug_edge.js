// A foreign edge node: the npm package sparkplug-client, told over standard input what its machine does.
// Usage: node sparkplug_edge.js PORT FEDERATION FACTORY MACHINE; lines: "STATE CYCLES", or "stop".
const readline = require('readline');
const sparkplug = require('sparkplug-client');

const [port, group, node, machine] = process.argv.slice(2);
const client = sparkplug.newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`,
  username: '',
  password: '',
  groupId: group,
  edgeNode: node,
  clientId: `foreign-${node}-${process.pid}`,
  version: 'spBv1.0',
  publishDeath: true,
});
let shows = ['IDLE', 0];

const metrics = () => [
  { name: 'State', value: shows[0], type: 'String' },
  { name: 'Cycles Total', value: shows[1], type: 'UInt64' },
];

client.on('birth', () => {
  client.publishNodeBirth({ timestamp: Date.now(), metrics: [{ name: 'Hardware', value: 'x', type: 'String' }] });
  client.publishDeviceBirth(machine, { timestamp: Date.now(), metrics: metrics() });
  console.log('born');
});
client.on('error', (error) => console.log(`error ${error}`));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'stop') {
    client.stop();
    return;
  }
  const [state, cycles] = line.split(' ');
  shows = [state, Number(cycles)];
  client.publishDeviceData(machine, { timestamp: Date.now(), metrics: metrics() });
});
