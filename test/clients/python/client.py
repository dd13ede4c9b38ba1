"""The Python gRPC library (grpcio) as a client of an etcd, with stubs that grpcio-tools made from ../proto.

Prints one JSON line per check: {"name", "ok", "detail"}. Arguments: host:port, directory of the generated stubs.
"""

import hashlib
import json
import queue
import sys
import threading

import grpc

endpoint, stubs = sys.argv[1:3]
sys.path.insert(0, stubs)
import auth_pb2  # noqa: E402
import lock_pb2 as lockpb  # noqa: E402
import lock_pb2_grpc  # noqa: E402
import rpc_pb2 as pb  # noqa: E402
import rpc_pb2_grpc  # noqa: E402

SECONDS = 20
channel = grpc.insecure_channel(endpoint, options=[("grpc.max_receive_message_length", 1 << 30)])
kv = rpc_pb2_grpc.KVStub(channel)
watches = rpc_pb2_grpc.WatchStub(channel)
leases = rpc_pb2_grpc.LeaseStub(channel)
maintenance = rpc_pb2_grpc.MaintenanceStub(channel)
auths = rpc_pb2_grpc.AuthStub(channel)
locks = lock_pb2_grpc.LockStub(channel)


def refused(call, code, text=None):
    """The call must fail with exactly this."""
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, f"code {error.code()}, want {code}: {error.details()}"
        assert text is None or error.details() == text, f"text {error.details()!r}, want {text!r}"
        return
    raise AssertionError(f"answered, want {text or code}")


class Requests:
    """The requests of a stream, as grpcio wants them: an iterator that ends when told to."""

    def __init__(self):
        self._queue = queue.Queue()

    def __iter__(self):
        return iter(self._queue.get, None)

    def send(self, request):
        self._queue.put(request)

    def finish(self):
        self._queue.put(None)


def put_and_get():
    put = kv.Put(pb.PutRequest(key=b"py/p/a", value=b"1"), timeout=SECONDS)
    got = kv.Range(pb.RangeRequest(key=b"py/p/a"), timeout=SECONDS)
    assert got.kvs[0].value == b"1" and got.kvs[0].mod_revision == put.header.revision
    deleted = kv.DeleteRange(pb.DeleteRangeRequest(key=b"py/p/", range_end=b"py/p0", prev_kv=True), timeout=SECONDS)
    assert deleted.deleted == 1 and deleted.prev_kvs[0].value == b"1"


def txn():
    absent = pb.Compare(key=b"py/t", target=pb.Compare.CREATE, result=pb.Compare.EQUAL, create_revision=0)
    put = pb.RequestOp(request_put=pb.PutRequest(key=b"py/t", value=b"made"))
    get = pb.RequestOp(request_range=pb.RangeRequest(key=b"py/t"))
    request = pb.TxnRequest(compare=[absent], success=[put], failure=[get])
    kv.DeleteRange(pb.DeleteRangeRequest(key=b"py/t"), timeout=SECONDS)
    assert kv.Txn(request, timeout=SECONDS).succeeded
    second = kv.Txn(request, timeout=SECONDS)
    assert not second.succeeded
    assert second.responses[0].response_range.kvs[0].value == b"made"


def history():
    revision = kv.Put(pb.PutRequest(key=b"py/h", value=b"old"), timeout=SECONDS).header.revision
    kv.Put(pb.PutRequest(key=b"py/h", value=b"new"), timeout=SECONDS)
    got = kv.Range(pb.RangeRequest(key=b"py/h", revision=revision), timeout=SECONDS)
    assert got.kvs[0].value == b"old"
    future = pb.RangeRequest(key=b"py/h", revision=revision + 1000)
    text = "etcdserver: mvcc: required revision is a future revision"
    refused(lambda: kv.Range(future, timeout=SECONDS), grpc.StatusCode.OUT_OF_RANGE, text)


def watch():
    requests = Requests()
    responses = watches.Watch(iter(requests), timeout=SECONDS)
    create = pb.WatchCreateRequest(key=b"py/w/", range_end=b"py/w0", prev_kv=True)
    requests.send(pb.WatchRequest(create_request=create))
    assert next(responses).created
    for i in range(100):
        kv.Put(pb.PutRequest(key=b"py/w/%d" % (i % 10), value=b"%d" % i), timeout=SECONDS)
    seen, last = 0, 0
    while seen < 100:
        for event in next(responses).events:
            assert event.kv.value == b"%d" % seen, f"{event.kv.value} instead of {seen}"
            assert event.kv.mod_revision > last
            assert seen < 10 or event.prev_kv.value == b"%d" % (seen - 10)
            last = event.kv.mod_revision
            seen += 1
    requests.send(pb.WatchRequest(progress_request=pb.WatchProgressRequest()))
    progress = next(responses)
    assert progress.watch_id == -1 and progress.header.revision == last
    requests.send(pb.WatchRequest(cancel_request=pb.WatchCancelRequest(watch_id=0)))
    assert next(responses).canceled
    responses.cancel()
    refused(lambda: next(responses), grpc.StatusCode.CANCELLED)
    requests.finish()


def lease():
    granted = leases.LeaseGrant(pb.LeaseGrantRequest(TTL=60), timeout=SECONDS)
    kv.Put(pb.PutRequest(key=b"py/l", lease=granted.ID), timeout=SECONDS)
    alive = [pb.LeaseKeepAliveRequest(ID=granted.ID)] * 3
    assert [answer.TTL for answer in leases.LeaseKeepAlive(iter(alive), timeout=SECONDS)] == [60, 60, 60]
    life = leases.LeaseTimeToLive(pb.LeaseTimeToLiveRequest(ID=granted.ID, keys=True), timeout=SECONDS)
    assert list(life.keys) == [b"py/l"]
    leases.LeaseRevoke(pb.LeaseRevokeRequest(ID=granted.ID), timeout=SECONDS)
    assert kv.Range(pb.RangeRequest(key=b"py/l"), timeout=SECONDS).count == 0


def errors():
    code = grpc.StatusCode
    refused(
        lambda: kv.Put(pb.PutRequest(key=b""), timeout=SECONDS),
        code.INVALID_ARGUMENT,
        "etcdserver: key is not provided",
    )
    refused(
        lambda: kv.Put(pb.PutRequest(key=b"py/e", lease=404), timeout=SECONDS),
        code.NOT_FOUND,
        "etcdserver: requested lease not found",
    )
    put = pb.RequestOp(request_put=pb.PutRequest(key=b"py/e"))
    refused(
        lambda: kv.Txn(pb.TxnRequest(success=[put, put]), timeout=SECONDS),
        code.INVALID_ARGUMENT,
        "etcdserver: duplicate key given in txn request",
    )
    refused(
        lambda: auths.UserGet(pb.AuthUserGetRequest(name="nobody"), timeout=SECONDS),
        code.FAILED_PRECONDITION,
        "etcdserver: user name not found",
    )
    unknown = channel.unary_unary("/etcdserverpb.KV/Nothing")
    text = "unknown method Nothing for service etcdserverpb.KV"
    refused(lambda: unknown(b"", timeout=SECONDS), code.UNIMPLEMENTED, text)


def lock():
    first = locks.Lock(lockpb.LockRequest(name=b"py/lock"), timeout=SECONDS)
    answer = []
    thread = threading.Thread(
        target=lambda: answer.append(locks.Lock(lockpb.LockRequest(name=b"py/lock"), timeout=SECONDS).key)
    )
    thread.start()
    waiting = pb.RangeRequest(key=b"py/lock/", range_end=b"py/lock0")
    while kv.Range(waiting, timeout=SECONDS).count < 2:
        pass
    assert not answer
    locks.Unlock(lockpb.UnlockRequest(key=first.key), timeout=SECONDS)
    thread.join()
    assert answer[0].startswith(b"py/lock/")
    locks.Unlock(lockpb.UnlockRequest(key=answer[0]), timeout=SECONDS)


def deadline():
    first = locks.Lock(lockpb.LockRequest(name=b"py/deadline"), timeout=SECONDS)
    late = lockpb.LockRequest(name=b"py/deadline")
    refused(lambda: locks.Lock(late, timeout=0.2), grpc.StatusCode.DEADLINE_EXCEEDED)
    locks.Unlock(lockpb.UnlockRequest(key=first.key), timeout=SECONDS)


def large():
    value = b"x" * 1_400_000
    for i in range(8):
        kv.Put(pb.PutRequest(key=b"py/big/%d" % i, value=value), timeout=SECONDS)
    got = kv.Range(pb.RangeRequest(key=b"py/big/", range_end=b"py/big0"), timeout=SECONDS)
    assert len(got.kvs) == 8 and got.kvs[7].value == value
    refused(
        lambda: kv.Put(pb.PutRequest(key=b"py/big", value=b"x" * 1_600_000), timeout=SECONDS),
        grpc.StatusCode.INVALID_ARGUMENT,
        "etcdserver: request is too large",
    )
    refused(
        lambda: kv.Put(pb.PutRequest(key=b"py/big", value=b"x" * 3_000_000), timeout=SECONDS),
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
    kv.DeleteRange(pb.DeleteRangeRequest(key=b"py/big/", range_end=b"py/big0"), timeout=SECONDS)


def gzip():
    value = b"squeeze me " * 10_000
    kv.Put(pb.PutRequest(key=b"py/gzip", value=value), timeout=SECONDS, compression=grpc.Compression.Gzip)
    assert kv.Range(pb.RangeRequest(key=b"py/gzip"), timeout=SECONDS).kvs[0].value == value


def snapshot():
    data = b"".join(answer.blob for answer in maintenance.Snapshot(pb.SnapshotRequest(), timeout=SECONDS))
    assert data[-32:] == hashlib.sha256(data[:-32]).digest()


def auth():
    def add(name, password, role):
        auths.UserAdd(pb.AuthUserAddRequest(name=name, password=password), timeout=SECONDS)
        auths.RoleAdd(pb.AuthRoleAddRequest(name=role), timeout=SECONDS)
        auths.UserGrantRole(pb.AuthUserGrantRoleRequest(user=name, role=role), timeout=SECONDS)

    def login(name, password):
        request = pb.AuthenticateRequest(name=name, password=password)
        return [("token", auths.Authenticate(request, timeout=SECONDS).token)]

    code = grpc.StatusCode
    add("root", "secret", "root")
    add("monty", "parrot", "pythons")
    allowed = auth_pb2.Permission(permType=auth_pb2.Permission.READWRITE, key=b"py/", range_end=b"py0")
    auths.RoleGrantPermission(pb.AuthRoleGrantPermissionRequest(name="pythons", perm=allowed), timeout=SECONDS)
    auths.AuthEnable(pb.AuthEnableRequest(), timeout=SECONDS)
    root, monty = login("root", "secret"), login("monty", "parrot")
    get = pb.RangeRequest(key=b"py/a")
    refused(lambda: kv.Range(get, timeout=SECONDS), code.INVALID_ARGUMENT, "etcdserver: user name is empty")
    refused(
        lambda: login("monty", "wrong"),
        code.INVALID_ARGUMENT,
        "etcdserver: authentication failed, invalid user ID or password",
    )
    refused(
        lambda: kv.Range(get, metadata=[("token", "nonsense")], timeout=SECONDS),
        code.UNAUTHENTICATED,
        "etcdserver: invalid auth token",
    )
    kv.Put(pb.PutRequest(key=b"py/a"), metadata=monty, timeout=SECONDS)
    refused(
        lambda: kv.Put(pb.PutRequest(key=b"elsewhere"), metadata=monty, timeout=SECONDS),
        code.PERMISSION_DENIED,
        "etcdserver: permission denied",
    )
    auths.AuthDisable(pb.AuthDisableRequest(), metadata=root, timeout=SECONDS)
    for name, role in [("root", "root"), ("monty", "pythons")]:
        auths.UserDelete(pb.AuthUserDeleteRequest(name=name), timeout=SECONDS)
        auths.RoleDelete(pb.AuthRoleDeleteRequest(role=role), timeout=SECONDS)


CHECKS = {
    "put and get": put_and_get,
    "txn": txn,
    "history": history,
    "watch": watch,
    "lease": lease,
    "errors": errors,
    "lock": lock,
    "deadline": deadline,
    "large messages": large,
    "gzip": gzip,
    "snapshot": snapshot,
    "auth": auth,
}

for name, check in CHECKS.items():
    line = {"name": name, "ok": True}
    try:
        check()
    except Exception as error:  # noqa: BLE001: every failure is a result
        line = {"name": name, "ok": False, "detail": f"{type(error).__name__}: {error}"}
    print(json.dumps(line), flush=True)
