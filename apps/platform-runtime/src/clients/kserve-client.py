"""Asks a KServe v2 server over gRPC with Debian's python3-grpcio, and prints what it answered as JSON.

The messages are declared here from the field numbers that the Open Inference Protocol publishes, and share nothing with the server's own description, which is asked for by
reflection and compared. argv: address, JSON with `tokens` (of the text "a cat"). `hang ADDRESS` opens a stream of the model `endless`, cancels it after a word and says so.
"""

import json
import struct
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE, SERVICE = "inference", "inference.GRPCInferenceService"
TYPES = {"bool": 8, "int64": 3, "string": 9, "bytes": 12, "double": 1, "uint64": 4}

TENSOR = {"name": (1, "string"), "datatype": (2, "string"), "shape": (3, "int64*")}
MESSAGES = {
    "ServerLiveRequest": {},
    "ServerLiveResponse": {"live": (1, "bool")},
    "ServerReadyRequest": {},
    "ServerReadyResponse": {"ready": (1, "bool")},
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": {"name": (1, "string"), "version": (2, "string"), "extensions": (3, "string*")},
    "ModelReadyRequest": {"name": (1, "string"), "version": (2, "string")},
    "ModelReadyResponse": {"ready": (1, "bool")},
    "ModelMetadataRequest": {"name": (1, "string"), "version": (2, "string")},
    "ModelMetadataResponse": {
        "name": (1, "string"),
        "versions": (2, "string*"),
        "platform": (3, "string"),
        "inputs": (4, "ModelMetadataResponse.TensorMetadata*"),
        "outputs": (5, "ModelMetadataResponse.TensorMetadata*"),
    },
    "ModelMetadataResponse.TensorMetadata": TENSOR,
    "InferTensorContents": {"bytes_contents": (8, "bytes*")},
    "ModelInferRequest": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "inputs": (5, "ModelInferRequest.InferInputTensor*"),
        "outputs": (6, "ModelInferRequest.InferRequestedOutputTensor*"),
        "raw_input_contents": (7, "bytes*"),
    },
    "ModelInferRequest.InferInputTensor": {**TENSOR, "contents": (5, "InferTensorContents")},
    "ModelInferRequest.InferRequestedOutputTensor": {"name": (1, "string")},
    "ModelInferResponse": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "outputs": (5, "ModelInferResponse.InferOutputTensor*"),
        "raw_output_contents": (6, "bytes*"),
    },
    "ModelInferResponse.InferOutputTensor": TENSOR,
    "ModelStreamInferResponse": {"error_message": (1, "string"), "infer_response": (2, "ModelInferResponse")},
}


def described():
    """The messages above as a descriptor."""
    file = descriptor_pb2.FileDescriptorProto(name="kserve.proto", package=PACKAGE, syntax="proto3")
    made = {}
    for path, fields in MESSAGES.items():
        outer, _, inner = path.rpartition(".")
        message = (made[outer].nested_type if outer else file.message_type).add(name=inner)
        made[path] = message
        for name, (number, kind) in fields.items():
            field = message.field.add(name=name, number=number, label=3 if kind.endswith("*") else 1)
            kind = kind.rstrip("*")
            if kind in TYPES:
                field.type = TYPES[kind]
            else:
                field.type, field.type_name = 11, f".{PACKAGE}.{kind}"
    return file


POOL = descriptor_pool.DescriptorPool()
POOL.Add(described())


def message(name):
    descriptor = POOL.FindMessageTypeByName(f"{PACKAGE}.{name}")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(POOL).GetPrototype(descriptor)


def unary(channel, method, timeout=20, **fields):
    request, response = message(f"{method}Request"), message(f"{method}Response")
    call = channel.unary_unary(f"/{SERVICE}/{method}", request.SerializeToString, response.FromString)
    return call(request(**fields), timeout=timeout)


def stream(channel, requests):
    request, response = message("ModelInferRequest"), message("ModelStreamInferResponse")
    call = channel.stream_stream(f"/{SERVICE}/ModelStreamInfer", request.SerializeToString, response.FromString)
    return call(iter(requests), timeout=20)


def failure(work):
    try:
        work()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return None


def texts(values):
    """Raw contents of BYTES: each with its length."""
    return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)


def words(raw):
    out = []
    while raw:
        (size,) = struct.unpack_from("<I", raw)
        out.append(raw[4 : 4 + size].decode())
        raw = raw[4 + size :]
    return out


def outputs(answer):
    """Each output's name, type, shape and values."""
    result = {}
    for tensor, raw in zip(answer.outputs, answer.raw_output_contents):
        if tensor.datatype == "BYTES":
            values = words(raw)
        else:
            values = list(struct.unpack(f"<{len(raw) // 4}f", raw)) if tensor.datatype == "FP32" else raw.hex()
        result[tensor.name] = {"type": tensor.datatype, "shape": list(tensor.shape), "values": values}
    return result


def prompt(model, id, stream_it):
    """A request for text with raw contents."""
    tensors = {
        "text_input": ("BYTES", texts(["Once upon"])),
        "sampling_parameters": ("BYTES", texts([json.dumps({"temperature": 0, "max_tokens": 24})])),
        "stream": ("BOOL", bytes([int(stream_it)])),
        "exclude_input_in_output": ("BOOL", b"\x01"),
    }
    return {
        "model_name": model,
        "id": id,
        "inputs": [{"name": name, "datatype": kind, "shape": [1]} for name, (kind, _) in tensors.items()],
        "raw_input_contents": [raw for _, raw in tensors.values()],
    }


def reflected(channel):
    """Fields that the server describes otherwise than they are published."""

    def reader(data):
        # ServerReflectionResponse.file_descriptor_response = 4, its file_descriptor_proto = 1: read by hand.
        def fields(raw):
            at = 0

            def varint():
                nonlocal at
                value = shift = 0
                while True:
                    byte = raw[at]
                    at += 1
                    value |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        return value

            while at < len(raw):
                key = varint()
                size = varint()
                if key & 7 == 2:
                    yield key >> 3, raw[at : at + size]
                    at += size

        return [file for number, body in fields(data) if number == 4 for one, file in fields(body) if one == 1]

    asked = bytes([0x22, len(SERVICE)]) + SERVICE.encode()
    call = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", lambda data: data, reader)
    files = next(iter(call(iter([asked]), timeout=20)))
    theirs = {}

    def note(prefix, messages):
        for one in messages:
            theirs[prefix + one.name] = {field.name: field.number for field in one.field}
            note(f"{prefix}{one.name}.", one.nested_type)

    for file in files:
        note("", descriptor_pb2.FileDescriptorProto.FromString(file).message_type)
    return [
        f"{name}.{field}"
        for name, fields in MESSAGES.items()
        for field, (number, _) in fields.items()
        if theirs.get(name, {}).get(field) != number
    ]


def asked_all(address, tokens):
    with grpc.insecure_channel(address) as channel:
        metadata = unary(channel, "ModelMetadata", name="golek-embed")
        ids = {"datatype": "INT64", "shape": [1, len(tokens)]}
        tensors = unary(
            channel,
            "ModelInfer",
            model_name="golek-embed",
            inputs=[{"name": name, **ids} for name in ("input_ids", "attention_mask")],
            raw_input_contents=[struct.pack(f"<{len(tokens)}q", *row) for row in (tokens, [1] * len(tokens))],
        )
        typed = {"name": "text_input", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"a cat"]}}
        vectors = unary(channel, "ModelInfer", model_name="golek-embed", inputs=[typed])
        request = message("ModelInferRequest")
        pieces = list(stream(channel, [request(**prompt("golek-tiny", "t", True)), request(**prompt("absent", "w", True))]))
        wrong = {"name": "text_input", "datatype": "FP32", "shape": [1]}
        return {
            "live": unary(channel, "ServerLive").live,
            "ready": unary(channel, "ServerReady").ready,
            "server": unary(channel, "ServerMetadata").name,
            "model_ready": unary(channel, "ModelReady", name="golek-tiny", version="1").ready,
            "inputs": [[port.name, port.datatype, list(port.shape)] for port in metadata.inputs],
            "tensors": outputs(tensors),
            "vectors": outputs(vectors),
            "text": outputs(unary(channel, "ModelInfer", **prompt("golek-tiny", "p", False))),
            "pieces": [
                word
                for piece in pieces
                if piece.infer_response.id == "t"
                for word in outputs(piece.infer_response).get("text_output", {"values": []})["values"]
            ],
            "stream_errors": [piece.error_message for piece in pieces if piece.error_message],
            "unknown": failure(lambda: unary(channel, "ModelMetadata", name="golek-tyni")),
            "wrong_type": failure(
                lambda: unary(channel, "ModelInfer", model_name="golek-tiny", inputs=[wrong], raw_input_contents=[bytes(4)])
            ),
            "unimplemented": failure(
                lambda: channel.unary_unary(f"/{SERVICE}/CudaSharedMemoryStatus", lambda _: b"", lambda data: data)(None)
            ),
            "otherwise": reflected(channel),
        }


def hang(address):
    with grpc.insecure_channel(address) as channel:
        late = failure(lambda: unary(channel, "ModelInfer", timeout=0.3, **prompt("endless", "d", False)))
        call = stream(channel, [message("ModelInferRequest")(**prompt("endless", "h", True))])
        first = outputs(next(call).infer_response)["text_output"]["values"]
        call.cancel()
        return {"late": late, "first": first, "after": failure(lambda: next(call))}


if sys.argv[1] == "hang":
    print(json.dumps(hang(sys.argv[2])))
else:
    print(json.dumps(asked_all(sys.argv[1], json.loads(sys.argv[2]))))
