import argosy.etcd.authpb.Permission;
import argosy.etcd.etcdserverpb.*;
import argosy.etcd.mvccpb.Event;
import argosy.etcd.v3lockpb.*;
import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.AbstractBlockingStub;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The Java gRPC library as a client of an etcd. Prints one JSON line per check: {"name","ok","detail"}. Argument:
 * host:port.
 */
public final class Client {
  private static final int SECONDS = 20;
  private static ManagedChannel channel;

  private interface Check {
    void run() throws Exception;
  }

  public static void main(String[] args) {
    channel =
        NettyChannelBuilder.forTarget(args[0])
            .usePlaintext()
            .maxInboundMessageSize(1 << 30)
            .build();
    check("put and get", Client::putAndGet);
    check("txn", Client::txn);
    check("history", Client::history);
    check("watch", Client::watch);
    check("lease", Client::lease);
    check("errors", Client::errors);
    check("lock", Client::lock);
    check("deadline", Client::deadline);
    check("large messages", Client::large);
    check("gzip", Client::gzip);
    check("snapshot", Client::snapshot);
    check("auth", Client::auth);
    channel.shutdownNow();
  }

  private static void check(String name, Check check) {
    String detail = null;
    try {
      check.run();
    } catch (Throwable error) {
      detail = error.toString();
    }
    if (detail == null) {
      System.out.println("{\"name\":\"" + name + "\",\"ok\":true}");
    } else {
      String escaped = detail.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", " ");
      System.out.println("{\"name\":\"" + name + "\",\"ok\":false,\"detail\":\"" + escaped + "\"}");
    }
  }

  private static void putAndGet() {
    PutResponse put = kv().put(PutRequest.newBuilder().setKey(utf8("java/p/a")).setValue(utf8("1")).build());
    RangeResponse got = kv().range(range("java/p/a"));
    equal("1", got.getKvs(0).getValue().toStringUtf8());
    equal(put.getHeader().getRevision(), got.getKvs(0).getModRevision());
    DeleteRangeResponse deleted =
        kv().deleteRange(
                DeleteRangeRequest.newBuilder()
                    .setKey(utf8("java/p/"))
                    .setRangeEnd(utf8("java/p0"))
                    .setPrevKv(true)
                    .build());
    equal(1L, deleted.getDeleted());
    equal("1", deleted.getPrevKvs(0).getValue().toStringUtf8());
  }

  private static void txn() {
    kv().deleteRange(DeleteRangeRequest.newBuilder().setKey(utf8("java/t")).build());
    TxnRequest request =
        TxnRequest.newBuilder()
            .addCompare(
                Compare.newBuilder()
                    .setKey(utf8("java/t"))
                    .setTarget(Compare.CompareTarget.CREATE)
                    .setCreateRevision(0))
            .addSuccess(RequestOp.newBuilder().setRequestPut(put("java/t", "made")))
            .addFailure(RequestOp.newBuilder().setRequestRange(range("java/t")))
            .build();
    equal(true, kv().txn(request).getSucceeded());
    TxnResponse second = kv().txn(request);
    equal(false, second.getSucceeded());
    equal("made", second.getResponses(0).getResponseRange().getKvs(0).getValue().toStringUtf8());
  }

  private static void history() {
    long revision = kv().put(put("java/h", "old")).getHeader().getRevision();
    kv().put(put("java/h", "new"));
    RangeRequest old = RangeRequest.newBuilder().setKey(utf8("java/h")).setRevision(revision).build();
    equal("old", kv().range(old).getKvs(0).getValue().toStringUtf8());
    RangeRequest future = old.toBuilder().setRevision(revision + 1000).build();
    refused(
        () -> kv().range(future),
        Status.Code.OUT_OF_RANGE,
        "etcdserver: mvcc: required revision is a future revision");
  }

  private static void watch() throws Exception {
    Answers<WatchResponse> answers = new Answers<>();
    StreamObserver<WatchRequest> requests = WatchGrpc.newStub(channel).watch(answers);
    WatchCreateRequest create =
        WatchCreateRequest.newBuilder()
            .setKey(utf8("java/w/"))
            .setRangeEnd(utf8("java/w0"))
            .setPrevKv(true)
            .build();
    requests.onNext(WatchRequest.newBuilder().setCreateRequest(create).build());
    equal(true, answers.next().getCreated());
    for (int i = 0; i < 100; i++) kv().put(put("java/w/" + i % 10, "" + i));
    long last = 0;
    for (int seen = 0; seen < 100; ) {
      for (Event event : answers.next().getEventsList()) {
        equal("" + seen, event.getKv().getValue().toStringUtf8());
        if (seen >= 10) equal("" + (seen - 10), event.getPrevKv().getValue().toStringUtf8());
        equal(true, event.getKv().getModRevision() > last);
        last = event.getKv().getModRevision();
        seen++;
      }
    }
    requests.onNext(
        WatchRequest.newBuilder().setProgressRequest(WatchProgressRequest.getDefaultInstance()).build());
    WatchResponse progress = answers.next();
    equal(-1L, progress.getWatchId());
    equal(last, progress.getHeader().getRevision());
    requests.onNext(
        WatchRequest.newBuilder().setCancelRequest(WatchCancelRequest.newBuilder().setWatchId(0)).build());
    equal(true, answers.next().getCanceled());
    requests.onError(Status.CANCELLED.asException());
    equal(Status.Code.CANCELLED, Status.fromThrowable(answers.end()).getCode());
  }

  private static void lease() throws Exception {
    LeaseGrpc.LeaseBlockingStub leases = timed(LeaseGrpc.newBlockingStub(channel));
    long id = leases.leaseGrant(LeaseGrantRequest.newBuilder().setTTL(60).build()).getID();
    kv().put(put("java/l", "").toBuilder().setLease(id).build());
    Answers<LeaseKeepAliveResponse> answers = new Answers<>();
    StreamObserver<LeaseKeepAliveRequest> requests = LeaseGrpc.newStub(channel).leaseKeepAlive(answers);
    for (int i = 0; i < 3; i++) {
      requests.onNext(LeaseKeepAliveRequest.newBuilder().setID(id).build());
      equal(60L, answers.next().getTTL());
    }
    requests.onCompleted();
    equal(null, answers.end());
    LeaseTimeToLiveResponse life =
        leases.leaseTimeToLive(LeaseTimeToLiveRequest.newBuilder().setID(id).setKeys(true).build());
    equal("java/l", life.getKeys(0).toStringUtf8());
    leases.leaseRevoke(LeaseRevokeRequest.newBuilder().setID(id).build());
    equal(0L, kv().range(range("java/l")).getCount());
  }

  private static void errors() {
    refused(() -> kv().put(put("", "")), Status.Code.INVALID_ARGUMENT, "etcdserver: key is not provided");
    refused(
        () -> kv().put(put("java/e", "").toBuilder().setLease(404).build()),
        Status.Code.NOT_FOUND,
        "etcdserver: requested lease not found");
    RequestOp twice = RequestOp.newBuilder().setRequestPut(put("java/e", "")).build();
    refused(
        () -> kv().txn(TxnRequest.newBuilder().addSuccess(twice).addSuccess(twice).build()),
        Status.Code.INVALID_ARGUMENT,
        "etcdserver: duplicate key given in txn request");
    refused(
        () -> auths().userGet(AuthUserGetRequest.newBuilder().setName("nobody").build()),
        Status.Code.FAILED_PRECONDITION,
        "etcdserver: user name not found");
  }

  private static void lock() throws Exception {
    ByteString name = utf8("java/lock");
    LockResponse first = locks().lock(LockRequest.newBuilder().setName(name).build());
    CompletableFuture<LockResponse> second =
        CompletableFuture.supplyAsync(() -> locks().lock(LockRequest.newBuilder().setName(name).build()));
    RangeRequest waiting =
        range("java/lock/").toBuilder().setRangeEnd(utf8("java/lock0")).build();
    while (kv().range(waiting).getCount() < 2) Thread.onSpinWait();
    equal(false, second.isDone());
    locks().unlock(UnlockRequest.newBuilder().setKey(first.getKey()).build());
    ByteString key = second.get(SECONDS, TimeUnit.SECONDS).getKey();
    equal(true, key.toStringUtf8().startsWith("java/lock/"));
    locks().unlock(UnlockRequest.newBuilder().setKey(key).build());
  }

  private static void deadline() {
    LockRequest request = LockRequest.newBuilder().setName(utf8("java/deadline")).build();
    LockResponse first = locks().lock(request);
    refused(
        () -> LockGrpc.newBlockingStub(channel).withDeadlineAfter(200, TimeUnit.MILLISECONDS).lock(request),
        Status.Code.DEADLINE_EXCEEDED,
        null);
    locks().unlock(UnlockRequest.newBuilder().setKey(first.getKey()).build());
  }

  private static void large() {
    String value = "x".repeat(1_400_000);
    for (int i = 0; i < 8; i++) kv().put(put("java/big/" + i, value));
    RangeRequest all = range("java/big/").toBuilder().setRangeEnd(utf8("java/big0")).build();
    RangeResponse got = kv().range(all);
    equal(8, got.getKvsCount());
    equal(value, got.getKvs(7).getValue().toStringUtf8());
    refused(
        () -> kv().put(put("java/big", "x".repeat(1_600_000))),
        Status.Code.INVALID_ARGUMENT,
        "etcdserver: request is too large");
    refused(() -> kv().put(put("java/big", "x".repeat(3_000_000))), Status.Code.RESOURCE_EXHAUSTED, null);
    kv().deleteRange(
            DeleteRangeRequest.newBuilder().setKey(all.getKey()).setRangeEnd(all.getRangeEnd()).build());
  }

  private static void gzip() {
    String value = "squeeze me ".repeat(10_000);
    kv().withCompression("gzip").put(put("java/gzip", value));
    equal(value, kv().range(range("java/gzip")).getKvs(0).getValue().toStringUtf8());
  }

  private static void snapshot() throws Exception {
    Iterator<SnapshotResponse> answers =
        timed(MaintenanceGrpc.newBlockingStub(channel)).snapshot(SnapshotRequest.getDefaultInstance());
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    while (answers.hasNext()) answers.next().getBlob().writeTo(file);
    byte[] all = file.toByteArray();
    MessageDigest sum = MessageDigest.getInstance("SHA-256");
    sum.update(all, 0, all.length - 32);
    equal(true, Arrays.equals(sum.digest(), Arrays.copyOfRange(all, all.length - 32, all.length)));
  }

  private static void auth() {
    addUser("root", "secret", "root");
    addUser("duke", "coffee", "dukes");
    Permission allowed =
        Permission.newBuilder()
            .setPermType(Permission.Type.READWRITE)
            .setKey(utf8("java/"))
            .setRangeEnd(utf8("java0"))
            .build();
    auths()
        .roleGrantPermission(
            AuthRoleGrantPermissionRequest.newBuilder().setName("dukes").setPerm(allowed).build());
    auths().authEnable(AuthEnableRequest.getDefaultInstance());
    String root = login("root", "secret");
    String duke = login("duke", "coffee");
    refused(
        () -> kv().range(range("java/a")), Status.Code.INVALID_ARGUMENT, "etcdserver: user name is empty");
    refused(
        () -> login("duke", "wrong"),
        Status.Code.INVALID_ARGUMENT,
        "etcdserver: authentication failed, invalid user ID or password");
    refused(
        () -> as("nonsense", kv()).range(range("java/a")),
        Status.Code.UNAUTHENTICATED,
        "etcdserver: invalid auth token");
    as(duke, kv()).put(put("java/a", ""));
    refused(
        () -> as(duke, kv()).put(put("elsewhere", "")),
        Status.Code.PERMISSION_DENIED,
        "etcdserver: permission denied");
    as(root, auths()).authDisable(AuthDisableRequest.getDefaultInstance());
    for (String name : new String[] {"root", "duke"}) {
      auths().userDelete(AuthUserDeleteRequest.newBuilder().setName(name).build());
    }
    for (String name : new String[] {"root", "dukes"}) {
      auths().roleDelete(AuthRoleDeleteRequest.newBuilder().setRole(name).build());
    }
  }

  private static void addUser(String name, String password, String role) {
    auths().userAdd(AuthUserAddRequest.newBuilder().setName(name).setPassword(password).build());
    auths().roleAdd(AuthRoleAddRequest.newBuilder().setName(role).build());
    auths().userGrantRole(AuthUserGrantRoleRequest.newBuilder().setUser(name).setRole(role).build());
  }

  private static String login(String name, String password) {
    return auths()
        .authenticate(AuthenticateRequest.newBuilder().setName(name).setPassword(password).build())
        .getToken();
  }

  private static <S extends AbstractBlockingStub<S>> S as(String token, S stub) {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("token", Metadata.ASCII_STRING_MARSHALLER), token);
    return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  private static <S extends AbstractBlockingStub<S>> S timed(S stub) {
    return stub.withDeadlineAfter(SECONDS, TimeUnit.SECONDS);
  }

  private static KVGrpc.KVBlockingStub kv() {
    return timed(KVGrpc.newBlockingStub(channel));
  }

  private static AuthGrpc.AuthBlockingStub auths() {
    return timed(AuthGrpc.newBlockingStub(channel));
  }

  private static LockGrpc.LockBlockingStub locks() {
    return timed(LockGrpc.newBlockingStub(channel));
  }

  private static ByteString utf8(String text) {
    return ByteString.copyFromUtf8(text);
  }

  private static PutRequest put(String key, String value) {
    return PutRequest.newBuilder().setKey(utf8(key)).setValue(utf8(value)).build();
  }

  private static RangeRequest range(String key) {
    return RangeRequest.newBuilder().setKey(utf8(key)).build();
  }

  private static void equal(Object wanted, Object got) {
    if (wanted == null ? got != null : !wanted.equals(got)) {
      throw new AssertionError("got " + got + ", want " + wanted);
    }
  }

  private static void refused(Check call, Status.Code code, String text) {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      equal(code, error.getStatus().getCode());
      if (text != null) equal(text, error.getStatus().getDescription());
      return;
    } catch (Exception error) {
      throw new AssertionError(error);
    }
    throw new AssertionError("answered, want " + code);
  }

  /** What a stream answers, for a thread that waits for it. */
  private static final class Answers<T> implements StreamObserver<T> {
    private final BlockingQueue<Object> queue = new LinkedBlockingQueue<>();
    private static final Object END = new Object();

    @Override
    public void onNext(T value) {
      queue.add(value);
    }

    @Override
    public void onError(Throwable error) {
      queue.add(error);
    }

    @Override
    public void onCompleted() {
      queue.add(END);
    }

    @SuppressWarnings("unchecked")
    T next() throws InterruptedException {
      Object value = queue.poll(SECONDS, TimeUnit.SECONDS);
      if (value == null || value == END || value instanceof Throwable) {
        throw new AssertionError("the stream ended: " + value);
      }
      return (T) value;
    }

    /** The error that the stream ended with, or null. */
    Throwable end() throws InterruptedException {
      Object value = queue.poll(SECONDS, TimeUnit.SECONDS);
      if (value != END && !(value instanceof Throwable)) throw new AssertionError("not the end: " + value);
      return value == END ? null : (Throwable) value;
    }
  }
}
