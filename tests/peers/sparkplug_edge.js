// A foreign edge node: the npm package sparkplug-client, told over standard input what its machine does.
// Usage: node sparkplug_edge.js PORT FEDERATION FACTORY MACHINE PARTS
// Lines: "RPM ALARM PARTS" (numbers, ALARM 0 or 1); "bare PARTS": a count alone, without a time; "stop".
// It is as the package's own sample: commands are not answered.
const readline = require('readline');
const sparkplug = require('sparkplug-client');

const [port, group, node, machine, parts] = process.argv.slice(2);
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
let shows = [0, 0, Number(parts)];

const metrics = () => [
  { name: 'Spindle/RPM', value: shows[0], type: 'Double', timestamp: Date.now() },
  { name: 'Alarm', value: Boolean(shows[1]), type: 'Boolean', timestamp: Date.now() },
  { name: 'Counters/Good', value: shows[2], type: 'UInt32' },
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
  let said;
  if (line.startsWith('bare ')) {
    shows[2] = Number(line.split(' ')[1]);
    said = metrics().slice(2);
  } else {
    shows = line.split(' ').map(Number);
    said = metrics();
  }
  client.publishDeviceData(machine, { timestamp: Date.now(), metrics: said });
});
