// An OPC UA server by node-opcua, for tests: node opcua_server.js PKI_FOLDER PORT [NAMESPACE...]
// The namespaces given come before urn:machikoba:test, so that its index differs. Prints its port when ready.
// Lines of JSON on stdin: {"name": "parts", "value": 8}, {"name": "parts", "status": "BadSensorFailure"},
// {"name": "parts", "burst": [1, 2, 3]} (one every 200 ms), {"name": "late", "add": 5}.
// Users: anyone without a name, and "agent" with the password "geheim".
const readline = require("node:readline");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { nodesets } = require("node-opcua-nodesets");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { OPCUAServer } = require("node-opcua-server");
const { StatusCodes } = require("node-opcua-status-code");
const { DataType, VariantArrayType } = require("node-opcua-variant");

const VALUES = {
  parts: ["UInt32", 7],
  execution: ["String", "ACTIVE"],
  program: ["String", "歯車 ５号"],
  load: ["Double", 12.5],
  alarm: ["Boolean", false],
  big: ["Int64", [0, 5]],
  axes: ["Double", [1.5, 2.5]],
};
console.log = console.error; // what node-opcua has to say; stdout is for the port

const [folder, port, ...namespaces] = process.argv.slice(2);
const nodes = {};

function add(space, parent, name, type, value) {
  const arrayType = Array.isArray(value) && type !== "Int64" ? VariantArrayType.Array : VariantArrayType.Scalar;
  nodes[name] = space.addVariable({
    componentOf: parent, nodeId: `s=${name}`, browseName: name, dataType: type,
    valueRank: arrayType === VariantArrayType.Array ? 1 : -1, minimumSamplingInterval: 0,
    value: { dataType: DataType[type], arrayType, value },
  });
  nodes[name].typeName = type;
}

function set(name, value) {
  nodes[name].setValueFromSource({ dataType: DataType[nodes[name].typeName], value });
}

function obey(space, parent, order) {
  if ("add" in order) add(space, parent, order.name, "Int32", order.add);
  else if ("status" in order) nodes[order.name].setValueFromSource({ dataType: DataType.Null }, StatusCodes[order.status]);
  else if ("burst" in order) burst(order.name, order.burst);
  else set(order.name, order.value);
}

// Each after the one before, so that a busy computer puts no two into one sample.
function burst(name, [value, ...rest]) {
  set(name, value);
  if (rest.length) setTimeout(burst, 200, name, rest);
}

async function main() {
  const certificates = new OPCUACertificateManager({ rootFolder: folder });
  const server = new OPCUAServer({
    port: Number(port), hostname: "127.0.0.1", disableDiscovery: true, nodeset_filename: [nodesets.standard],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256],
    serverCertificateManager: certificates, userCertificateManager: certificates,
    userManager: { isValidUser: (user, password) => user === "agent" && password === "geheim" },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  namespaces.forEach((uri) => space.registerNamespace(uri));
  const own = space.registerNamespace("urn:machikoba:test");
  const parent = own.addObject({ organizedBy: "ObjectsFolder", browseName: "Machine" });
  for (const [name, [type, value]] of Object.entries(VALUES)) add(own, parent, name, type, value);
  await server.start();
  readline.createInterface({ input: process.stdin }).on("line", (line) => obey(own, parent, JSON.parse(line)));
  process.stdout.write(new URL(server.getEndpointUrl().replace("opc.tcp", "http")).port + "\n");
}

main();
