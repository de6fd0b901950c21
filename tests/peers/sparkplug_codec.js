// An independent Sparkplug B codec (npm sparkplug-payload) behind JSON lines on stdin and stdout.
// {"encode": payload} answers {"bytes": base64}; {"decode": base64} answers {"payload": payload}.
// Whole numbers travel as decimal text, bytes as base64, so that JSON loses nothing.
const Long = require("long");
const codec = require("sparkplug-payload").get("spBv1.0");
const readline = require("readline");

const WHOLE = new Set(["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "DateTime"]);
const LONG = new Set(["Int64", "UInt32", "UInt64", "DateTime"]);

function fromText(type, value) {
  if (value === null) return null;
  if (type === "DataSet") {
    return {
      numOfColumns: value.columns.length,
      columns: value.columns,
      types: value.types,
      rows: value.rows.map((row) => row.map((cell, i) => fromText(value.types[i], cell))),
    };
  }
  if (LONG.has(type)) return Long.fromString(value, type !== "Int64");
  if (WHOLE.has(type)) return Number(value);
  if (type === "Bytes" || type === "File") return Buffer.from(value, "base64");
  return value;
}

function toText(type, value) {
  if (value === null || value === undefined) return null;
  if (type === "DataSet") {
    return {
      columns: value.columns,
      types: value.types,
      rows: value.rows.map((row) => row.map((cell, i) => toText(value.types[i], cell))),
    };
  }
  if (WHOLE.has(type)) {
    // The peer hands out 64-bit cells and 32-bit longs as they lie on the wire; the sign is the type's.
    if (Long.isLong(value)) return (type === "Int64" ? value.toSigned() : value.toUnsigned()).toString();
    return String(type === "UInt32" ? value >>> 0 : value);
  }
  if (type === "Bytes" || type === "File") return Buffer.from(value).toString("base64");
  return value;
}

function whole(value) {
  return value === undefined || value === null ? null : value.toString();
}

function encode(payload) {
  const metrics = payload.metrics.map((metric) => {
    const made = { name: metric.name, type: metric.type, value: fromText(metric.type, metric.value) };
    if (metric.alias !== null) made.alias = Long.fromString(metric.alias, true);
    if (metric.timestamp !== null) made.timestamp = Long.fromString(metric.timestamp, true);
    if (metric.isHistorical) made.isHistorical = true;
    if (metric.properties) made.properties = metric.properties;
    return made;
  });
  const made = { timestamp: Long.fromString(payload.timestamp, true), metrics, seq: Number(payload.seq) };
  return { bytes: Buffer.from(codec.encodePayload(made)).toString("base64") };
}

function decode(text) {
  const payload = codec.decodePayload(Buffer.from(text, "base64"));
  return {
    payload: {
      timestamp: whole(payload.timestamp),
      seq: whole(payload.seq),
      metrics: payload.metrics.map((metric) => ({
        name: metric.name,
        type: metric.type,
        alias: whole(metric.alias),
        timestamp: whole(metric.timestamp),
        isHistorical: Boolean(metric.isHistorical),
        value: toText(metric.type, metric.value),
      })),
    },
  };
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = request.encode ? encode(request.encode) : decode(request.decode);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
