"""The Sparkplug B payload as a protobuf class, built from a descriptor at import.

Written from the wire facts of Sparkplug 3.0, section 6.4 (field numbers and types). Building the class
here spares generated code, which demands a runtime no older than the compiler that made it.
Templates and extensions are left out: protobuf keeps what it does not know as unknown fields.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "machikoba.sparkplug"

_SCALARS = {
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
    "float": _Field.TYPE_FLOAT,
    "double": _Field.TYPE_DOUBLE,
    "bool": _Field.TYPE_BOOL,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}

# message -> (number, name, type, repeated, in the message's oneof `value`)
_MESSAGES: dict[str, list[tuple[int, str, str, bool, bool]]] = {
    "DataSetValue": [
        (1, "int_value", "uint32", False, True),
        (2, "long_value", "uint64", False, True),
        (3, "float_value", "float", False, True),
        (4, "double_value", "double", False, True),
        (5, "boolean_value", "bool", False, True),
        (6, "string_value", "string", False, True),
    ],
    "Row": [(1, "elements", "DataSetValue", True, False)],
    "DataSet": [
        (1, "num_of_columns", "uint64", False, False),
        (2, "columns", "string", True, False),
        (3, "types", "uint32", True, False),
        (4, "rows", "Row", True, False),
    ],
    # Of the properties only numbers are read: the quality code is one.
    "PropertyValue": [
        (1, "type", "uint32", False, False),
        (3, "int_value", "uint32", False, True),
        (4, "long_value", "uint64", False, True),
    ],
    "PropertySet": [
        (1, "keys", "string", True, False),
        (2, "values", "PropertyValue", True, False),
    ],
    "Metric": [
        (1, "name", "string", False, False),
        (2, "alias", "uint64", False, False),
        (3, "timestamp", "uint64", False, False),
        (4, "datatype", "uint32", False, False),
        (5, "is_historical", "bool", False, False),
        (6, "is_transient", "bool", False, False),
        (7, "is_null", "bool", False, False),
        (9, "properties", "PropertySet", False, False),
        (10, "int_value", "uint32", False, True),
        (11, "long_value", "uint64", False, True),
        (12, "float_value", "float", False, True),
        (13, "double_value", "double", False, True),
        (14, "boolean_value", "bool", False, True),
        (15, "string_value", "string", False, True),
        (16, "bytes_value", "bytes", False, True),
        (17, "dataset_value", "DataSet", False, True),
    ],
    "Payload": [
        (1, "timestamp", "uint64", False, False),
        (2, "metrics", "Metric", True, False),
        (3, "seq", "uint64", False, False),
        (4, "uuid", "string", False, False),
        (5, "body", "bytes", False, False),
    ],
}


def _describe(name: str, fields: list[tuple[int, str, str, bool, bool]]) -> descriptor_pb2.DescriptorProto:
    message = descriptor_pb2.DescriptorProto(name=name)
    if any(in_oneof for *_, in_oneof in fields):
        message.oneof_decl.add(name="value")
    for number, field_name, type_name, repeated, in_oneof in fields:
        field = message.field.add(name=field_name, number=number)
        field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
        if type_name in _SCALARS:
            field.type = _SCALARS[type_name]
        else:
            field.type = _Field.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{type_name}"
        if in_oneof:
            field.oneof_index = 0
    return message


def _build() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="machikoba/sparkplug.proto", package=_PACKAGE)
    file.syntax = "proto2"
    for name, fields in _MESSAGES.items():
        file.message_type.add().CopyFrom(_describe(name, fields))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


PayloadMessage: Any = _build()
"""The protobuf message class; only `sparkplug.py` uses it."""
