"""gRPC by its own library at both ends: all four kinds, their metadata and trailers, errors, deadlines, large messages.

    grpc_calls.py SERVER_PORT PLAIN_PORT TLS_PORT ROOT_PEM

Serves at 127.0.0.1:SERVER_PORT, calls through localhost:PLAIN_PORT (HTTP/2 with prior knowledge) and
localhost:TLS_PORT, and ends with status 1 at the first difference. Messages are plain bytes: no schema is needed.
"""

import concurrent.futures
import sys
import time

import grpc

SERVER, PLAIN, TLS, ROOT = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
LARGE = bytes(3_000_000)


def said(context):
    return dict(context.invocation_metadata()).get("x-said", "")


def one_to_one(request, context):
    context.send_initial_metadata((("x-begun", said(context)),))
    context.set_trailing_metadata((("x-ended", "yes"), ("x-raw-bin", b"\0\xff")))
    if request == b"refuse":
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like this: 100 %, é")
    if request == b"wait":
        time.sleep(3)
    return request[::-1] if len(request) < 100 else request


def one_to_many(request, context):
    context.set_trailing_metadata((("x-ended", "yes"),))
    for number in range(int(request)):
        yield b"%d" % number


def many_to_one(requests, context):
    context.set_trailing_metadata((("x-ended", "yes"),))
    return b"%d" % sum(len(request) for request in requests)


def many_to_many(requests, context):
    context.set_trailing_metadata((("x-ended", "yes"),))
    for request in requests:
        yield request.upper()


def serve():
    handlers = {
        "OneToOne": grpc.unary_unary_rpc_method_handler(one_to_one),
        "OneToMany": grpc.unary_stream_rpc_method_handler(one_to_many),
        "ManyToOne": grpc.stream_unary_rpc_method_handler(many_to_one),
        "ManyToMany": grpc.stream_stream_rpc_method_handler(many_to_many),
    }
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
    server.add_insecure_port(f"127.0.0.1:{SERVER}")
    server.start()
    return server


def expect(name, got, wanted):
    if got != wanted:
        raise SystemExit(f"{name}: {got!r} and not {wanted!r}")


def trailers(call):
    return {key: value for key, value in call.trailing_metadata() if key.startswith("x-")}


def call_all(channel, name):
    metadata = (("x-said", "hello"),)
    answer, call = channel.unary_unary("/test.Echo/OneToOne").with_call(b"abc", metadata=metadata, timeout=20)
    expect(f"{name}, one to one", answer, b"cba")
    expect(f"{name}, its metadata", dict(call.initial_metadata()).get("x-begun"), "hello")
    expect(f"{name}, its trailers", trailers(call), {"x-ended": "yes", "x-raw-bin": b"\0\xff"})
    answer = channel.unary_unary("/test.Echo/OneToOne")(LARGE, timeout=20)
    expect(f"{name}, a large message", len(answer), len(LARGE))

    call = channel.unary_stream("/test.Echo/OneToMany")(b"500", timeout=20)
    expect(f"{name}, one to many", [int(answer) for answer in call], list(range(500)))
    expect(f"{name}, its trailers", trailers(call), {"x-ended": "yes"})

    many = channel.stream_unary("/test.Echo/ManyToOne")
    answer, call = many.with_call((b"x" * 1000 for _ in range(500)), timeout=20)
    expect(f"{name}, many to one", answer, b"500000")
    expect(f"{name}, its trailers", trailers(call), {"x-ended": "yes"})

    # Each request waits for the answer to the one before: nothing may be held back.
    answers = []

    def asks():
        for number in range(50):
            while len(answers) < number:
                time.sleep(0.001)
            yield b"ask %d" % number

    call = channel.stream_stream("/test.Echo/ManyToMany")(asks(), timeout=20)
    for answer in call:
        answers.append(answer)
    expect(f"{name}, many to many", answers, [b"ASK %d" % number for number in range(50)])
    expect(f"{name}, its trailers", trailers(call), {"x-ended": "yes"})

    refused(channel, f"{name}, an error", b"refuse", 20, grpc.StatusCode.FAILED_PRECONDITION, "not like this: 100 %, é")
    refused(channel, f"{name}, a deadline", b"wait", 0.5, grpc.StatusCode.DEADLINE_EXCEEDED, None)
    answer = channel.unary_unary("/test.Echo/OneToOne")(b"on", timeout=20)
    expect(f"{name}, after all of it", answer, b"no")


def refused(channel, name, request, timeout, code, details):
    try:
        channel.unary_unary("/test.Echo/OneToOne")(request, timeout=timeout)
    except grpc.RpcError as error:
        expect(name, error.code(), code)
        expect(name, details and error.details(), details)
    else:
        raise SystemExit(f"{name}: it was answered")


server = serve()
with open(ROOT, "rb") as file:
    credentials = grpc.ssl_channel_credentials(root_certificates=file.read())
options = (("grpc.max_receive_message_length", 8_000_000), ("grpc.enable_http_proxy", 0))
with grpc.insecure_channel(f"localhost:{PLAIN}", options) as channel:
    call_all(channel, "in clear text")
with grpc.secure_channel(f"localhost:{TLS}", credentials, options) as channel:
    call_all(channel, "over TLS")
server.stop(None)
print("all calls came back")
